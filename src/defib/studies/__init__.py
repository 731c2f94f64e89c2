"""Reproducible experiments: one file for each question."""
