"""The closed form of receptive fields along an axis without borders."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from math import gcd, lcm
from typing import final


@final
@dataclass(frozen=True)
class Positions:
    """A finite set of integers: `low + i` for every bit i of `pattern`, whose lowest bit is set."""

    low: int
    pattern: int

    @property
    def span(self) -> int:
        """Distance between the first and the last, plus one; 0 if empty."""
        return self.pattern.bit_length()

    @property
    def has_holes(self) -> bool:
        return self.pattern & (self.pattern + 1) != 0

    def moved(self, distance: int) -> Positions:
        return Positions(self.low + distance, self.pattern) if self.pattern else self

    def within(self, length: int) -> int:
        """Bitset of those in [0, length)."""
        bits = self.pattern << self.low if self.low >= 0 else self.pattern >> -self.low
        return bits & ((1 << length) - 1)


EMPTY = Positions(0, 0)


def union(sets: Iterable[Positions]) -> Positions:
    """All positions that are in any of `sets`."""
    filled = [each for each in sets if each.pattern]
    if not filled:
        return EMPTY
    low = min(each.low for each in filled)
    pattern = 0
    for each in filled:
        pattern |= each.pattern << (each.low - low)
    return Positions(low, pattern)


@final
@dataclass(frozen=True)
class Progression:
    """What the positions ..., -1, 0, 1, ... of an infinitely long axis see.

    Position `o` sees `fields[o % period]` moved by `(o // period) * shift` input positions,
    with `period = len(fields)`. More than one field stands behind an upsampling, whose
    neighbouring outputs see different numbers of inputs.
    """

    shift: int
    fields: tuple[Positions, ...]

    @property
    def stride(self) -> Fraction:
        """Input positions between the fields of neighbouring outputs; negative after a flip."""
        return Fraction(self.shift, len(self.fields))

    @property
    def size(self) -> int:
        return max(each.span for each in self.fields)

    @property
    def offset(self) -> int:
        """Where the field of position 0 begins."""
        return self.fields[0].low

    @property
    def has_holes(self) -> bool:
        return any(each.has_holes for each in self.fields)

    def at(self, position: int) -> Positions:
        turn, phase = divmod(position, len(self.fields))
        return self.fields[phase].moved(turn * self.shift)


IDENTITY = Progression(1, (Positions(0, 1),))


@final
@dataclass(frozen=True)
class Taps:
    """Which positions of its input each position of an operation's output reads.

    `at(o + rise)` is `at(o)` moved by `run`: a convolution of stride 2 has rise 1 and run 2,
    an upsampling by 2 has rise 2 and run 1, a flip rise 1 and run -1.
    """

    rise: int
    run: int
    at: Callable[[int], Sequence[int]]


def behind(before: Progression, taps: Taps) -> Progression:
    """The progression of the output of an operation on positions with progression `before`."""
    period = len(before.fields)
    turns = period // gcd(period, taps.run)
    fields = tuple(
        union(before.at(position) for position in taps.at(phase))
        for phase in range(taps.rise * turns)
    )
    return _shortest(before.shift * (taps.run * turns // period), fields)


def merged(branches: Sequence[Progression]) -> Progression | None:
    """Union of branches that are added or joined; None if their strides differ.

    Fields of different strides drift apart: there is no size that holds for all positions.
    """
    if len({branch.stride for branch in branches}) != 1:
        return None
    period = reduce(lcm, (len(branch.fields) for branch in branches))
    shift = branches[0].stride * period
    fields = tuple(union(branch.at(phase) for branch in branches) for phase in range(period))
    return _shortest(int(shift), fields)


def _shortest(shift: int, fields: tuple[Positions, ...]) -> Progression:
    """The same progression with the smallest period."""
    count = len(fields)
    for period in range(1, count):
        if count % period or shift * period % count:
            continue
        move = shift * period // count
        if all(fields[i + period] == fields[i].moved(move) for i in range(count - period)):
            return Progression(move, fields[:period])
    return Progression(shift, fields)
