"""Output sizes as arithmetic on the input sizes, one family of functions per file."""
