"""A kernel that slides over an image: which output reads which pixel through which weight."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import final

Place = tuple[int, int]
"""Row and column, from 0; or two sizes, height first."""
Taps = tuple[tuple[Place, Place], ...]


@final
@dataclass(frozen=True)
class Sliding:
    """How a kernel slides over an image: two numbers each, height first; indices from 0."""

    image: Place
    kernel: Place
    stride: Place
    padding: Place
    dilation: Place

    @property
    def output(self) -> Place:
        """⌊(n + 2p − d(k − 1) − 1)/s⌋ + 1 along each axis."""
        first, last = (
            (n + 2 * p - d * (k - 1) - 1) // s + 1
            for n, p, d, k, s in zip(
                self.image, self.padding, self.dilation, self.kernel, self.stride, strict=True
            )
        )
        return first, last

    def read(self, output: Place, tap: Place) -> Place:
        """Which pixel an output reads through a weight; outside the image it is padding."""
        row, column = (
            o * s + t * d - p
            for o, s, t, d, p in zip(
                output, self.stride, tap, self.dilation, self.padding, strict=True
            )
        )
        return row, column

    def is_inside(self, pixel: Place) -> bool:
        """Whether a place belongs to the image and not to its padding."""
        return all(0 <= i < n for i, n in zip(pixel, self.image, strict=True))

    def taps_of(self, pixel: Place) -> Taps:
        """Every output that reads a pixel, with the weight through which it does."""
        found = []
        for tap in places(self.kernel):
            shifted = [
                i + p - t * d
                for i, p, t, d in zip(pixel, self.padding, tap, self.dilation, strict=True)
            ]
            output = [a // s for a, s in zip(shifted, self.stride, strict=True)]
            is_whole = all(a % s == 0 for a, s in zip(shifted, self.stride, strict=True))
            if is_whole and all(0 <= o < n for o, n in zip(output, self.output, strict=True)):
                found.append(((output[0], output[1]), tap))
        return tuple(sorted(found))


def places(sides: Place) -> Iterator[Place]:
    """Every row and column of a grid, row by row."""
    return product(range(sides[0]), range(sides[1]))


def full_correlation(
    sliding: Sliding, upstream: dict[Place, int], weights: dict[Place, int]
) -> dict[Place, int]:
    """The recipe: dY spread by the stride, a border, the flipped kernel, the padding cut off."""
    found = {}
    spread = {
        (o[0] * sliding.stride[0], o[1] * sliding.stride[1]): value for o, value in upstream.items()
    }
    height, width = sliding.kernel
    flipped = {(height - 1 - a, width - 1 - b): value for (a, b), value in weights.items()}
    border = [d * (k - 1) for d, k in zip(sliding.dilation, sliding.kernel, strict=True)]
    for i, j in places(sliding.image):
        row, column = i + sliding.padding[0] - border[0], j + sliding.padding[1] - border[1]
        found[i, j] = sum(
            spread.get((row + a * sliding.dilation[0], column + b * sliding.dilation[1]), 0) * w
            for (a, b), w in flipped.items()
        )
    return found
