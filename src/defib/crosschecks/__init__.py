"""What a derivation found, computed once more by torch or Keras: a file for each derivation."""
