"""How much neighbouring pixels differ."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor


def neighbour_difference(images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, ""]:
    """Mean |difference| of pixels side by side, plus that of pixels one above the other.

    In the unit of the pixels; `nan` where height or width is 1.
    """
    across = (images[..., 1:] - images[..., :-1]).abs().mean()
    down = (images[..., 1:, :] - images[..., :-1, :]).abs().mean()
    return across + down
