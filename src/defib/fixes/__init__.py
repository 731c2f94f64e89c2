"""Remedies that can be tried: each changes one thing in a training that runs unmodified."""
