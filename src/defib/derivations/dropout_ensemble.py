"""Dropout averages all subnetworks: exact enumeration against the scaled network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod
from typing import ClassVar, final

from defib.derivations.activations import sigmoid
from defib.derivations.algebra import Expr, sympy
from defib.derivations.base import Problem, Solution, option
from defib.derivations.comparison import compare
from defib.derivations.reading import numbers
from defib.derivations.writing import (
    as_fraction,
    call,
    chain,
    decimal,
    equation,
    group,
    plus,
    power,
    result_chain,
    series,
    shown,
    symbol,
    times,
    words,
)
from defib.errors import UsageError
from defib.records.derivation import Cell, Check, Step, Table

MOST_UNITS = 10
"""Units that may be dropped: 1,024 subnetworks."""
MOST_ROWS = 16
DIGITS = 6
Mask = tuple[int, ...]


@final
@dataclass(frozen=True)
class DropoutEnsemble(Problem):
    """All subnetworks of a small net under dropout, averaged, against the scaled network.

    Hidden outputs h, each kept with probability q, go into one output z = Σ w·h + b.
    """

    exercises: ClassVar[tuple[str, ...]] = ("D6",)
    references: ClassVar[tuple[str, ...]] = (
        "Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, Dropout (2014), JMLR 15.",
        "Baldi, Sadowski, Understanding Dropout (2013), NeurIPS.",
    )

    hidden: str = option("4,1,5", "The hidden outputs.")
    weights: str = option("-1,3,2", "The output weights.")
    bias: str = option("-4", "The output bias.")
    keep: str = option("1/2", "Probability that a unit is kept.")

    def solve(self) -> Solution:
        return Solution(
            "Dropout averages subnetworks",
            f"{len(self.units)} hidden units can be kept or dropped: what is the average of all "
            f"{2 ** len(self.units)} subnetworks, and is the scaled network the same?",
            [*self._subnetworks(), *self._linear(), *self._sigmoid(), *self._relu()],
            {
                "average output": as_fraction(self.average()),
                "scaled output": as_fraction(self.scaled()),
                "average after a ReLU": as_fraction(self.average_relu()),
                "scaled after a ReLU": as_fraction(max(self.scaled(), sympy.Integer(0))),
            },
            self._checks(),
        )

    @cached_property
    def units(self) -> tuple[Expr, ...]:
        """The products of hidden output and weight. Raises `UsageError` if they do not pair."""
        hidden, weights = numbers(self.hidden, "--hidden"), numbers(self.weights, "--weights")
        if len(hidden) != len(weights):
            raise UsageError(
                f"Expected a weight for each hidden output, got {len(hidden)} and {len(weights)}."
            )
        if len(hidden) > MOST_UNITS:
            raise UsageError(f"Expected at most {MOST_UNITS} hidden units, got {len(hidden)}.")
        return tuple(h * w for h, w in zip(hidden, weights, strict=True))

    @cached_property
    def numbers(self) -> tuple[Expr, Expr]:
        """The bias, and the probability to keep. Raises `UsageError` if that is none."""
        [bias], [keep] = (
            numbers(self.bias, "--bias", count=1),
            numbers(self.keep, "--keep", count=1),
        )
        if not 0 < keep <= 1:
            raise UsageError(
                f"Expected a probability above 0 and at most 1 for --keep, got {keep}."
            )
        return bias, keep

    @cached_property
    def masks(self) -> tuple[Mask, ...]:
        """All subnetworks: 1 for a unit that is kept."""
        return tuple(product((0, 1), repeat=len(self.units)))

    def probability(self, mask: Mask) -> Expr:
        """How likely a subnetwork is."""
        keep = self.numbers[1]
        return prod((keep if on else 1 - keep for on in mask), start=sympy.Integer(1))

    def output(self, mask: Mask) -> Expr:
        """What a subnetwork puts out."""
        return sum((u for u, on in zip(self.units, mask, strict=True) if on), self.numbers[0])

    def average(self) -> Expr:
        """The mean over all subnetworks."""
        return sum((self.probability(m) * self.output(m) for m in self.masks), sympy.Integer(0))

    def average_relu(self) -> Expr:
        """The mean over all subnetworks of the output after a ReLU."""
        zero = sympy.Integer(0)
        return sum((self.probability(m) * max(self.output(m), zero) for m in self.masks), zero)

    def scaled(self) -> Expr:
        """What the whole network puts out with every hidden output times q."""
        bias, keep = self.numbers
        return keep * sum(self.units, sympy.Integer(0)) + bias

    def _subnetworks(self) -> Iterator[Step]:
        rows: list[tuple[Cell, ...]] = [
            (
                "".join("●" if on else "○" for on in mask),
                shown(self.probability(mask)),
                shown(self.output(mask)),
            )
            for mask in self.masks[:MOST_ROWS]
        ]
        rest = len(self.masks) - len(rows)
        yield Step(
            "The subnetworks, with their probability and their output.",
            f"and {rest} more" if rest else "● is kept, ○ is dropped",
            part="All subnetworks",
            table=Table(("units", "probability", "output"), tuple(rows)),
        )

    def _linear(self) -> Iterator[Step]:
        bias, keep = self.numbers
        part = "A linear output"
        yield Step(
            "The average over all subnetworks.",
            "the mean is linear: each unit is there with probability q, whatever the others do",
            (
                chain(
                    call("E", "z"),
                    "=",
                    plus(series("Σ", "i", None, times("q", "w_i", "h_i")), "b"),
                ),
                result_chain(
                    words("average of all subnetworks"),
                    plus(
                        *(
                            times(shown(self.probability(m)), shown(self.output(m)))
                            for m in self.masks[:MOST_ROWS]
                        )
                    )
                    if len(self.masks) <= MOST_ROWS
                    else words("the sum of probability times output"),
                    self.average(),
                ),
            ),
            part,
        )
        yield Step(
            "The whole network with every hidden output times q.",
            "what weight scaling does at test time; inverted dropout divides by q in training "
            "instead, which is the same",
            (
                result_chain(
                    words("scaled network"),
                    plus(
                        times(shown(keep), group(plus(*(shown(u) for u in self.units)))),
                        shown(bias),
                    ),
                    self.scaled(),
                ),
            ),
            part,
        )

    def _sigmoid(self) -> Iterator[Step]:
        part = "A sigmoid (or softmax) output"
        odds = sympy.exp(self.average())
        yield Step(
            "The geometric mean of the odds p/(1 − p) of all subnetworks is that of the scaled "
            "network, exactly.",
            "the odds of a sigmoid are e^z; a product of powers of e adds up the exponents, and "
            "their average is that of the linear output",
            (
                chain(
                    series("∏", words("m"), None, power(power("e", "z_m"), symbol("P_m"))),
                    "=",
                    power("e", series("Σ", words("m"), None, times("P_m", "z_m"))),
                    "=",
                    power("e", shown(self.average())),
                    "≈",
                    decimal(odds.evalf(30), DIGITS),
                ),
                chain(
                    words("p of the scaled network"),
                    "≈",
                    decimal(sigmoid(self.scaled()).evalf(30), DIGITS),
                ),
            ),
            part,
        )
        arithmetic = sum(self.probability(m) * sigmoid(self.output(m)) for m in self.masks)
        yield Step(
            "The plain average of the probabilities is another number.",
            "the scaled network is the geometric mean, not the arithmetic one",
            (
                chain(
                    words("average p of all subnetworks"),
                    "≈",
                    decimal(sympy.sympify(arithmetic).evalf(30), DIGITS),
                ),
            ),
            part,
        )

    def _relu(self) -> Iterator[Step]:
        scaled = max(self.scaled(), sympy.Integer(0))
        is_same = self.average_relu() == scaled
        yield Step(
            "Through a further non-linearity the scaled network is "
            + (
                "the average here too, because no subnetwork is cut off."
                if is_same
                else "only an approximation."
            ),
            "the average of ReLUs is not the ReLU of the average, unless all subnetworks lie on "
            "one side of 0",
            (
                equation(words("average of ReLU(z)"), shown(self.average_relu())),
                equation(words("ReLU of the scaled network"), shown(scaled)),
            ),
            "A ReLU above",
        )

    def _checks(self) -> Iterator[Check]:
        yield compare(
            "exact enumeration",
            "the average of all subnetworks and the scaled network; the probabilities add up to 1",
            [
                (as_fraction(self.average()), as_fraction(self.scaled())),
                (as_fraction(sum(map(self.probability, self.masks))), as_fraction(1)),
            ],
        )
