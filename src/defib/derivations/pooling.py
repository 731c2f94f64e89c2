"""Average and maximum pooling of small pictures, window by window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import product
from typing import ClassVar, final

from defib.derivations.base import Problem, Solution, option
from defib.derivations.comparison import compare
from defib.derivations.reading import at_least, numbers
from defib.derivations.writing import (
    as_fraction,
    call,
    equation,
    over,
    plus,
    result_chain,
    words,
)
from defib.errors import UsageError
from defib.records.derivation import Check, Picture, Result, Step
from defib.records.formula import Formula, Symbol

Rows = tuple[tuple[Fraction, ...], ...]

CORNERS = ("top left", "top right", "bottom left", "bottom right")


def corner_pictures() -> dict[str, Rows]:
    """A 3 x 3 block of ones in each corner of a 4 x 4 picture in turn."""
    found = {}
    for name, (down, right) in zip(CORNERS, product((0, 1), (0, 1)), strict=True):
        found[f"block {name}"] = tuple(
            tuple(Fraction(down <= i < down + 3 and right <= j < right + 3) for j in range(4))
            for i in range(4)
        )
    return found


@final
@dataclass(frozen=True)
class Pooling(Problem):
    """Average and maximum pooling, every window written out.

    Without --picture: the four pictures with a block of ones in each corner, which shows what
    pooling keeps of a shift.
    """

    exercises: ClassVar[tuple[str, ...]] = ("E7",)

    picture: str = option("", "Rows of numbers with `;` between them: `1,2;3,4`.")
    size: int = option(2, "Side of the window.")
    stride: int = option(0, "Steps of the window; 0: as long as its side.")

    def solve(self) -> Solution:
        steps: list[Step] = []
        results: dict[str, Result] = {}
        for name, rows in self.pictures.items():
            steps += self._steps(name, rows)
            for kind, pooled in self.pooled(rows).items():
                results[f"{name}, {kind}"] = text_of(pooled)
        steps += self._comparison()
        return Solution(
            "Average and maximum pooling",
            f"What do {self.size}x{self.size} windows, {self.step} apart, make of "
            f"{len(self.pictures)} picture{'s' if len(self.pictures) > 1 else ''}?",
            steps,
            results,
            self._checks(),
        )

    @property
    def step(self) -> int:
        """The stride."""
        return self.stride or self.size

    @cached_property
    def pictures(self) -> dict[str, Rows]:
        """The pictures by name. Raises `UsageError` where one is no rectangle or too small."""
        at_least(self.size, 1, "--size")
        at_least(self.stride, 0, "--stride")
        if not self.picture:
            found = corner_pictures()
        else:
            rows = [numbers(row, "--picture") for row in self.picture.split(";")]
            if len({len(row) for row in rows}) != 1:
                lengths = ", ".join(str(len(row)) for row in rows)
                raise UsageError(f"Expected rows of one length for --picture, got {lengths}.")
            found = {"the picture": tuple(tuple(map(as_fraction, row)) for row in rows)}
        for rows in found.values():
            if min(len(rows), len(rows[0])) < self.size:
                raise UsageError(
                    f"A window of {self.size}x{self.size} does not fit into a picture of "
                    f"{len(rows)}x{len(rows[0])}. Make it smaller with --size."
                )
        return found

    def windows(self, rows: Rows) -> list[list[tuple[Fraction, ...]]]:
        """The numbers of each window, by row and column of the output."""
        height, width = ((n - self.size) // self.step + 1 for n in (len(rows), len(rows[0])))
        side = range(self.size)
        return [
            [
                tuple(rows[i * self.step + a][j * self.step + b] for a in side for b in side)
                for j in range(width)
            ]
            for i in range(height)
        ]

    def pooled(self, rows: Rows) -> dict[str, Rows]:
        """The picture after average and after maximum pooling."""
        windows = self.windows(rows)
        return {
            "average": tuple(tuple(sum(w, Fraction(0)) / len(w) for w in row) for row in windows),
            "maximum": tuple(tuple(max(w) for w in row) for row in windows),
        }

    def _steps(self, name: str, rows: Rows) -> Iterator[Step]:
        pooled = self.pooled(rows)
        averages: list[Formula] = []
        largest: list[Formula] = []
        for i, row in enumerate(self.windows(rows)):
            for j, window in enumerate(row):
                place = (str(i + 1), str(j + 1))
                averages.append(
                    result_chain(
                        Symbol("A", place, is_bracketed=True),
                        over(plus(*window), len(window)),
                        pooled["average"][i][j],
                    )
                )
                largest.append(
                    equation(
                        Symbol("M", place, is_bracketed=True),
                        call("max", *window),
                        pooled["maximum"][i][j],
                    )
                )
        title = name[0].upper() + name[1:]
        yield Step(
            "The picture, and what becomes of it.",
            part=title,
            pictures=(Picture("input", rows), *(Picture(k, each) for k, each in pooled.items())),
        )
        yield Step("Average: the sum of each window over its size.", "", tuple(averages), title)
        yield Step("Maximum: the largest number of each window.", "", tuple(largest), title)

    def _comparison(self) -> Iterator[Step]:
        if len(self.pictures) < 2:
            return
        kinds = {
            kind: {text_of(self.pooled(rows)[kind]) for rows in self.pictures.values()}
            for kind in ("average", "maximum")
        }
        formulas = tuple(
            equation(words(f"different outputs of {kind} pooling"), len(found))
            for kind, found in kinds.items()
        )
        statement = (
            "Average pooling keeps where the block is; maximum pooling does not."
            if len(kinds["average"]) > len(kinds["maximum"])
            else "How much of the difference between the pictures is left."
        )
        yield Step(
            statement,
            f"{len(self.pictures)} pictures that differ by a shift give",
            formulas,
            "What is left of the shift",
        )

    def _checks(self) -> Iterator[Check]:
        """Pooling as a sum and a maximum over shifted pictures: no window is cut out."""
        pairs = []
        for rows in self.pictures.values():
            shifted = [
                [
                    row[b : len(row) - self.size + b + 1 : self.step]
                    for row in rows[a : len(rows) - self.size + a + 1 : self.step]
                ]
                for a, b in product(range(self.size), repeat=2)
            ]
            pooled = self.pooled(rows)
            for i, row in enumerate(pooled["average"]):
                for j, average in enumerate(row):
                    values = [each[i][j] for each in shifted]
                    pairs.append((average * len(values), sum(values, Fraction(0))))
                    pairs.append((pooled["maximum"][i][j], max(values)))
        yield compare("brute force", "both poolings from shifted copies of the pictures", pairs)


def text_of(rows: Rows) -> str:
    """`1 1/2; 1/2 1/4`."""
    return "; ".join(" ".join(map(str, row)) for row in rows)
