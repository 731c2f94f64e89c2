"""How many products of a convolution meet a real input rather than zero padding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, kw_only=True)
class Axis:
    """One spatial axis of a convolution. `padding`: zeros before the first input.

    `None` if the padding is no zeros but copies of inputs.
    """

    size: int
    new_size: int
    kernel: int
    stride: int
    dilation: int
    padding: int | None


def taps(axis: Axis) -> int:
    """Pairs of an output position and a kernel position that meet an input, along one axis.

    Output o and tap k meet the position o·stride + k·dilation − padding.
    """
    if axis.padding is None:
        return axis.new_size * axis.kernel
    total = 0
    for tap in range(axis.kernel):
        offset = axis.padding - tap * axis.dilation
        first = max(0, -(-offset // axis.stride))
        last = min(axis.new_size - 1, (axis.size - 1 + offset) // axis.stride)
        total += max(0, last - first + 1)
    return total
