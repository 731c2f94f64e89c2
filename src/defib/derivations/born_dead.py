"""The probability that a ReLU network is dead before training: exact values and bounds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import product
from math import comb
from typing import ClassVar, final

from defib.derivations.base import Problem, Solution, option
from defib.derivations.comparison import compare
from defib.derivations.spelling import spelled, with_values
from defib.derivations.writing import (
    as_fraction,
    chain,
    decimal,
    equation,
    minus,
    over,
    power,
    result_chain,
    series,
    times,
    words,
)
from defib.errors import UsageError
from defib.records.derivation import Check, Step, Table
from defib.records.formula import Formula

DIGITS = 4
LARGEST = 64
"""Width, and number of layers: beyond it fractions have thousands of digits."""


@final
@dataclass(frozen=True)
class BornDead(Problem):
    """The probability that a ReLU network is constant before any training: bounds, derived.

    L layers are L − 1 hidden ReLU layers of N units and a linear output; weights are symmetric
    around 0. Dead: some layer is 0 on all inputs.
    """

    exercises: ClassVar[tuple[str, ...]] = ("C2",)
    references: ClassVar[tuple[str, ...]] = (
        "Lu, Shin, Su, Karniadakis, Dying ReLU and Initialization (2019), arXiv:1903.06733.",
    )

    width: int = option(2, "Units of each hidden layer, N.")
    layers: int = option(10, "Layers, L: one more than hidden layers.")

    def solve(self) -> Solution:
        results = {
            "one point": self.one_point,
            "upper bound": self.upper,
            "lower bound": self.lower,
            "three layers": three_layers(self.width),
        }
        return Solution(
            "Born dead",
            f"How likely is a ReLU network of {self.layers} layers and width {self.width} to be "
            "constant before it is trained?",
            [*self._point(), *self._scalar(), self._lower(), *self._three(), self._table()],
            results,
            self._checks(),
        )

    @cached_property
    def sizes(self) -> tuple[int, int]:
        """Width and layers. Raises `UsageError` if they are out of range."""
        if not 1 <= self.width <= LARGEST:
            raise UsageError(f"Expected a --width from 1 to {LARGEST}, got {self.width}.")
        if not 3 <= self.layers <= LARGEST:
            raise UsageError(
                f"Expected --layers from 3 (two hidden ones) to {LARGEST}, got {self.layers}."
            )
        return self.width, self.layers

    @property
    def alive(self) -> Fraction:
        """Probability that a layer that sees one point is not all zero: 1 − 2^−N."""
        return 1 - Fraction(1, 2 ** self.sizes[0])

    @property
    def one_point(self) -> Fraction:
        """The exact probability for a single input point."""
        return 1 - self.alive ** (self.sizes[1] - 1)

    @property
    def upper(self) -> Fraction:
        """The bound for one input that takes both signs, without biases."""
        return 1 - self.alive ** (self.sizes[1] - 2)

    @property
    def lower(self) -> Fraction:
        """The published lower bound for the same."""
        return lower_bound(*self.sizes)

    def _point(self) -> Iterator[Step]:
        part = "One input point"
        n, layers = self.sizes
        yield Step(
            "A unit is 0 with probability one half, a layer with all its units.",
            "weights are symmetric: the pre-activation is above or below 0 alike, whatever the "
            "layer sees, unless that is all 0; units are independent",
            (
                equation(words("P(a unit is 0)"), over(1, 2)),
                equation(words("P(a layer is 0)"), power(over(1, 2), n), Fraction(1, 2**n)),
            ),
            part,
        )
        yield Step(
            "The network is alive if every hidden layer is: the probabilities multiply.",
            "a dead layer makes all layers above it constant",
            (
                chain(
                    words("P(dead)"),
                    "=",
                    minus(1, power(spelled("1 - 2**(-N)"), spelled("L - 1"))),
                    "=",
                    minus(1, power(self.alive, layers - 1)),
                    "≈",
                    decimal(self.one_point, DIGITS),
                ),
            ),
            part,
        )

    def _scalar(self) -> Iterator[Step]:
        part = "One input that takes both signs, no biases"
        _, layers = self.sizes
        yield Step(
            "The first hidden layer cannot be dead: each unit is on for one sign of x.",
            "w·x is above 0 for x > 0 or for x < 0; one layer fewer can die",
            (
                chain(
                    words("P(dead)"),
                    "≤",
                    minus(1, power(spelled("1 - 2**(-N)"), spelled("L - 2"))),
                    "=",
                    minus(1, power(self.alive, layers - 2)),
                    "≈",
                    decimal(self.upper, DIGITS),
                ),
            ),
            part,
        )

    def _lower(self) -> Step:
        values = {
            "N": self.sizes[0],
            "L": self.sizes[1],
            "a1": as_fraction(self.alive),
            "a2": second_rate(self.sizes[0]),
        }
        factor = spelled("(1 - 2**(1 - N))*(1 - 2**(-N))/(1 + (N - 1)*2**(-N))")
        a1, a2 = spelled("1 - 2**(-N)"), spelled("1 - 2**(1 - N) - (N - 1)*2**(-(2*N))")
        bound = spelled(
            "1 - a1**(L - 2) + c*(a2**(L - 2) - a1**(L - 2))", a1="a_1", a2="a_2", c="c"
        )
        inside = {"a_1": values["a1"], "a_2": values["a2"], "c": lower_factor(self.sizes[0])}
        return Step(
            "From below, as published: two inputs of opposite sign are followed through the net.",
            "Theorem of the paper for constant width; it is exact for three layers, which is "
            "checked below",
            (
                result_chain("a_1", a1, with_values(a1, values), values["a1"]),
                result_chain("a_2", a2, with_values(a2, values), values["a2"]),
                result_chain("c", factor, with_values(factor, values), inside["c"]),
                chain(
                    words("P(dead)"),
                    "≥",
                    bound,
                    "≈",
                    decimal(self.lower, DIGITS),
                ),
            ),
            "One input that takes both signs, no biases",
        )

    def _three(self) -> Iterator[Step]:
        n = self.sizes[0]
        part = "Exactly, for three layers"
        rows = tuple(
            (
                str(k),
                equation(times(comb(n, k), power(over(1, 2), n)), Fraction(comb(n, k), 2**n)),
                _side_probability(k, n),
            )
            for k in range(n + 1)
        )
        yield Step(
            "Sort the first layer by how many of its units are on for x > 0.",
            "k units see the positive inputs, the others the negative ones: no unit of the next "
            "layer mixes the two. If both sides are there, a unit above is 0 on both with "
            "probability 1/4, else 1/2",
            part=part,
            table=Table(("k", "probability of k", "the next layer is then all 0"), rows[:9]),
        )
        yield Step(
            "The sum over k.",
            "",
            (
                chain(
                    words("P(dead)"),
                    "=",
                    series("Σ", "k", None, words("probability of k times that of the next layer")),
                    "≈",
                    decimal(three_layers(n), DIGITS + 2),
                ),
            ),
            part,
        )

    def _table(self) -> Step:
        n, layers = self.sizes
        depths = sorted({3, 5, 10, 20, 50, layers})
        rows = tuple(
            (
                str(depth),
                decimal(lower_bound(n, depth), DIGITS),
                decimal(1 - self.alive ** (depth - 2), DIGITS),
            )
            for depth in depths
        )
        return Step(
            f"Both bounds over the number of layers, width {n}.",
            "every further layer is another chance to die; width is the remedy",
            part="Depth",
            table=Table(("layers", "at least", "at most"), rows),
        )

    def _checks(self) -> Iterator[Check]:
        n, _ = self.sizes
        yield compare(
            "exact enumeration",
            "three layers: the sum over k, and the lower bound, which must be the same",
            [(three_layers(n), lower_bound(n, 3))],
        )
        if n <= 5:
            yield compare(
                "brute force",
                "one layer and one point: all sign patterns of the units",
                [(1 - self.alive, _all_patterns(n))],
            )


def second_rate(width: int) -> Fraction:
    """a₂ of the lower bound: 1 − 2^(1−N) − (N − 1)·2^(−2N)."""
    return 1 - Fraction(2, 2**width) - Fraction(width - 1, 4**width)


def lower_factor(width: int) -> Fraction:
    """c of the lower bound."""
    above = (1 - Fraction(2, 2**width)) * (1 - Fraction(1, 2**width))
    return above / (1 + Fraction(width - 1, 2**width))


def lower_bound(width: int, layers: int) -> Fraction:
    """1 − a₁^(L−2) + c·(a₂^(L−2) − a₁^(L−2))."""
    alive, both = 1 - Fraction(1, 2**width), second_rate(width)
    exponent = layers - 2
    return 1 - alive**exponent + lower_factor(width) * (both**exponent - alive**exponent)


def three_layers(width: int) -> Fraction:
    """The exact probability for two hidden layers: the sum over the units that are on for x > 0."""
    return sum(
        (
            Fraction(comb(width, k), 2**width) * _unit_dead(k, width) ** width
            for k in range(width + 1)
        ),
        Fraction(0),
    )


def _unit_dead(on: int, width: int) -> Fraction:
    """That a unit is 0 on both sides: independent where both are there."""
    return Fraction(1, 4) if 0 < on < width else Fraction(1, 2)


def _side_probability(on: int, width: int) -> Formula:
    unit = _unit_dead(on, width)
    return equation(power(unit, width), unit**width)


def _all_patterns(width: int) -> Fraction:
    """The share of sign patterns of `width` pre-activations in which none is above 0."""
    patterns = list(product((-1, 1), repeat=width))
    return Fraction(sum(max(pattern) < 0 for pattern in patterns), len(patterns))
