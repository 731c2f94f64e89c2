"""A number for the content of each example."""

from __future__ import annotations

from functools import lru_cache

import torch
from jaxtyping import Int64, Shaped
from torch import Tensor

KEPT_WEIGHTS = 16
"""Lengths of examples whose weights are kept."""

_WORDS = {8: torch.int64, 4: torch.int32, 2: torch.int16, 1: torch.uint8}
"""By their bytes."""


def example_fingerprints(examples: Shaped[Tensor, "examples *shape"]) -> Int64[Tensor, " examples"]:
    """The same number for examples whose bits are all the same, and hardly ever for others.

    The bits are cut into the largest words (8, 4, 2 or 1 bytes) that fill an example. With vᵢ and
    wᵢ odd and drawn once for each length: f = Σᵢ wᵢ · (aᵢ ⊕ ⌊aᵢ / 2³²⌋), aᵢ = vᵢ xᵢ, modulo 2⁶⁴.
    The first product and the shift bring high bits down and the second spreads them, so that words
    that differ in a few high bits only (small whole numbers as floats) are told apart too. NaN and
    the sign of zero are bits like all others. 0 for examples without elements.
    """
    flat = examples.detach().reshape(len(examples), -1)
    if flat.numel() == 0:
        return torch.zeros(len(flat), dtype=torch.int64, device=flat.device)
    size = _largest_word(flat.shape[1] * flat.element_size())
    # Words must lie side by side, and begin where a word may.
    if not flat.is_contiguous() or flat.storage_offset() * flat.element_size() % size:
        flat = flat.clone(memory_format=torch.contiguous_format)
    words = flat.view(_WORDS[size])
    first, second = _weights(words.shape[1], size, flat.device)
    mixed = words * first
    mixed ^= mixed >> 32
    mixed *= second
    return mixed.sum(dim=1)


def _largest_word(length: int) -> int:
    return next(size for size in _WORDS if length % size == 0)


@lru_cache(KEPT_WEIGHTS)
def _weights(count: int, size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    # A generator of its own: the training's random state is not touched.
    generator = torch.Generator(device="cpu").manual_seed(count * 8 + size)
    low, high = -(1 << 62), 1 << 62
    drawn = torch.randint(low, high, (2, count), generator=generator, device="cpu")
    first, second = (2 * drawn + 1).to(device)
    return first, second
