"""Paired re-runs of a script, with and without a fix, and what they prove."""
