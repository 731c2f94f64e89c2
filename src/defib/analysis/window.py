"""Windows that slide along one axis: of convolutions, transposed convolutions and poolings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import final

from defib.records.expression import (
    CeilQuotient,
    Difference,
    Expression,
    FloorQuotient,
    Integer,
    Product,
    Sum,
)

AXES = {
    0: (),
    1: ("length",),
    2: ("height", "width"),
    3: ("depth", "height", "width"),
}
"""Names of the spatial axes of a map, by their number."""


def per_axis(value: int | Sequence[int], axes: int) -> tuple[int, ...]:
    """An option of a convolution or pooling, one number for each axis."""
    if isinstance(value, int):
        return (value,) * axes
    numbers = tuple(int(each) for each in value)
    return numbers * axes if len(numbers) == 1 else numbers


@final
@dataclass(frozen=True)
class Window:
    """A window along the axis `name` of `size` positions; padding of `before` and `after`.

    For a transposed convolution stride, padding and dilation are those of the convolution that
    it transposes, and `extra` is its output padding.
    """

    name: str
    size: int
    kernel: int
    stride: int = 1
    before: int = 0
    after: int = 0
    dilation: int = 1
    extra: int = 0
    is_transposed: bool = False
    is_rounded_up: bool = False

    def output_size(self) -> Expression:
        """(size + padding - dilation · (kernel - 1) - 1) / stride + 1, without what is idle."""
        return self._transposed_size() if self.is_transposed else self._sliding_size()

    def taps(self, output: int) -> tuple[tuple[int, int], ...]:
        """How many positions have how many taps inside the map: (positions, taps), in order.

        For a transposed convolution: how many positions of the input reach how many positions
        of the output.
        """
        positions, limit = (self.size, output) if self.is_transposed else (output, self.size)
        changes: Counter[int] = Counter()
        for tap in range(self.kernel):
            shift = self.before - tap * self.dilation
            first = max(0, -(-shift // self.stride))
            last = min(positions - 1, (limit - 1 + shift) // self.stride)
            if first <= last:
                changes[first] += 1
                changes[last + 1] -= 1
        bounds = sorted({0, positions, *changes})
        found: Counter[int] = Counter()
        inside = 0
        for start, stop in pairwise(bounds):
            inside += changes[start]
            found[inside] += stop - start
        return tuple((count, taps) for taps, count in sorted(found.items()))

    def taps_inside(self, output: int) -> Expression:
        """The taps of all positions that fall inside the map."""
        found = self.taps(output)
        terms = tuple(
            Product((Integer(count, f"positions along the {self.name}"), Integer(taps, "taps")))
            for count, taps in found
        )
        return terms[0] if len(terms) == 1 else Sum(terms)

    def has_taps_outside(self, output: int) -> bool:
        """Whether any tap of any position falls on padding."""
        return any(taps != self.kernel for _, taps in self.taps(output))

    def _sliding_size(self) -> Expression:
        room = Difference(self._padded(), self._extent())
        if self.stride == 1:
            steps: Expression = room
        elif self.is_rounded_up:
            steps = CeilQuotient(room, Integer(self.stride, "stride"))
        else:
            steps = FloorQuotient(room, Integer(self.stride, "stride"))
        size = Sum((steps, Integer(1)))
        is_past_the_end = (size.value - 1) * self.stride >= self.size + self.before
        if self.is_rounded_up and is_past_the_end:
            return Difference(size, Integer(1, "window that would begin in the padding"))
        return size

    def _padded(self) -> Expression:
        size = Integer(self.size, f"input {self.name}")
        if self.before == self.after == 0:
            return size
        if self.before == self.after:
            return Sum((size, Product((Integer(2), Integer(self.before, "padding")))))
        padding = (Integer(self.before, "padding before"), Integer(self.after, "padding after"))
        return Sum((size, *(each for each in padding if each.number)))

    def _extent(self) -> Expression:
        """Positions from the first to the last tap."""
        kernel = Integer(self.kernel, f"kernel {self.name}")
        if self.dilation == 1:
            return kernel
        dilation = Integer(self.dilation, "dilation")
        return Sum((Product((dilation, Difference(kernel, Integer(1)))), Integer(1)))

    def _transposed_size(self) -> Expression:
        steps: Expression = Difference(Integer(self.size, f"input {self.name}"), Integer(1))
        if self.stride != 1:
            steps = Product((steps, Integer(self.stride, "stride")))
        size: Expression = Sum((steps, self._extent()))
        if self.extra:
            size = Sum((steps, self._extent(), Integer(self.extra, "output padding")))
        if self.before == self.after == 0:
            return size
        return Difference(size, Product((Integer(2), Integer(self.before, "padding"))))
