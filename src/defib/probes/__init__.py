"""Experiments before the first step, on copies of network, optimiser, batch and random state."""
