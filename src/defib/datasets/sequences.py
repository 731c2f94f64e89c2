"""Synthetic sequences of symbols."""

from __future__ import annotations

import torch

from defib.datasets.bundled import Split

SYMBOLS = 8
LENGTH = 12


def first_symbols(count: int = 2400, seed: int = 0) -> Split:
    """Sequences of `LENGTH` symbols below `SYMBOLS` (int64); the target is the first one.

    To be right a network must keep what it saw `LENGTH` - 1 positions ago.
    """
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randint(SYMBOLS, (count, LENGTH), generator=generator)
    held_out = count // 6
    targets = inputs[:, 0].clone()
    return Split(inputs[held_out:], targets[held_out:], inputs[:held_out], targets[:held_out])
