"""Cutting one map to the height and width of another."""

from __future__ import annotations

from torch import Tensor


def cropped(features: Tensor, like: Tensor, *, top: int, left: int) -> Tensor:
    """The part of `features` from row `top` and column `left` on, as high and wide as `like`."""
    height, width = like.shape[-2:]
    return features[..., top : top + height, left : left + width]
