"""Linear layers one on the other are one linear layer, and what that cannot do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import product
from typing import ClassVar, final

from defib.derivations.algebra import Matrix, sympy
from defib.derivations.base import Problem, Solution, option
from defib.derivations.comparison import compare
from defib.derivations.writing import as_fraction, chain, equation, group, plus, times, words
from defib.errors import UsageError
from defib.records.derivation import Check, Result, Step

matrix = sympy.ImmutableMatrix
XOR = {(0, 0): 0, (0, 1): 1, (1, 0): 1, (1, 1): 0}


@final
@dataclass(frozen=True)
class LinearCollapse(Problem):
    """A deep network of linear layers is one linear map: multiplied out, and what it cannot do."""

    exercises: ClassVar[tuple[str, ...]] = ("B2",)

    depth: int = option(4, "Linear layers in the example with numbers, 2 to 12.")

    def solve(self) -> Solution:
        collapsed, bias = self.collapsed
        results: dict[str, Result] = {
            f"M_{i + 1}{j + 1}": as_fraction(collapsed[i, j])
            for i, j in product(range(2), range(2))
        }
        results |= {f"c_{i + 1}": as_fraction(bias[i]) for i in range(2)}
        return Solution(
            "Linear layers only",
            "What can a deep network without non-linearities do that one layer cannot?",
            [*_symbols(), *self._numbers(), *_xor()],
            results,
            self._checks(),
        )

    @cached_property
    def layers(self) -> tuple[tuple[Matrix, Matrix], ...]:
        """Weights and biases of the example. Raises `UsageError` for another depth."""
        if not 2 <= self.depth <= 12:
            raise UsageError(f"Expected a --depth from 2 to 12, got {self.depth}.")
        return tuple(
            (
                matrix(2, 2, [(3 * n + 2 * k) % 5 - 2 + (k == n % 4) for k in range(4)]),
                matrix(2, 1, [n % 3 - 1, (2 * n) % 3]),
            )
            for n in range(1, self.depth + 1)
        )

    @cached_property
    def collapsed(self) -> tuple[Matrix, Matrix]:
        """The one layer that the example is."""
        found, bias = matrix.eye(2), matrix.zeros(2, 1)
        for weights, biases in self.layers:
            found, bias = weights * found, weights * bias + biases
        return found, bias

    def _numbers(self) -> Iterator[Step]:
        part = f"With numbers, {self.depth} layers"
        yield Step(
            "The layers.",
            "",
            tuple(
                equation_of
                for n, (weights, biases) in enumerate(self.layers, start=1)
                for equation_of in (equation(f"W_{n}", weights), equation(f"b_{n}", biases))
            ),
            part,
        )
        collapsed, bias = self.collapsed
        order = " ".join(f"W_{n}" for n in range(self.depth, 0, -1)).split()
        yield Step(
            "Their product is one layer.",
            "multiplied from the last to the first; each bias is multiplied by the layers above it",
            (equation("M", times(*order), collapsed), equation("c", bias)),
            part,
        )

    def _checks(self) -> Iterator[Check]:
        """Every layer in turn against the one layer, on a grid of points."""
        collapsed, bias = self.collapsed
        pairs = []
        for point in product(range(-2, 3), repeat=2):
            signal = matrix(2, 1, list(point))
            once = collapsed * signal + bias
            for weights, biases in self.layers:
                signal = weights * signal + biases
            pairs += [(as_fraction(a), as_fraction(b)) for a, b in zip(signal, once, strict=True)]
        yield compare("brute force", "the layers one by one and the product, on a grid", pairs)
        yield compare(
            "brute force",
            "linear boundaries with whole numbers from −5 to 5 that separate XOR",
            [(Fraction(_separating(5)), Fraction(0))],
        )


def _symbols() -> Iterator[Step]:
    part = "Two layers"
    w1, w2 = (matrix(2, 2, sympy.symbols(names)) for names in ("a b c d", "p q r s"))
    b1, b2 = (matrix(2, 1, sympy.symbols(names)) for names in ("e f", "t u"))
    x = matrix(2, 1, sympy.symbols("x_1 x_2"))
    difference = (w2 * (w1 * x + b1) + b2 - ((w2 * w1) * x + (w2 * b1 + b2))).expand()
    yield Step(
        "Put the first layer into the second, and multiply out.",
        "matrices may be multiplied in any grouping",
        (
            chain(
                "y",
                "=",
                plus(times("W_2", group(plus(times("W_1", "x"), "b_1"))), "b_2"),
                "=",
                plus(
                    times(group(times("W_2", "W_1")), "x"),
                    group(plus(times("W_2", "b_1"), "b_2")),
                ),
            ),
        ),
        part,
    )
    yield Step(
        "That is one layer with the weights W₂·W₁ and the bias W₂·b₁ + b₂: SymPy multiplies both "
        "sides out with symbols for all numbers.",
        "and so on for any number of layers: two become one, until one is left",
        (equation(words("left side minus right side"), difference),),
        part,
    )


def _xor() -> Iterator[Step]:
    part = "What it cannot separate"
    a, b, c = sympy.symbols("w_1 w_2 b")
    outputs = {point: a * point[0] + b * point[1] + c for point in XOR}
    both = [sum(outputs[p] for p, label in XOR.items() if label == kind) for kind in (0, 1)]
    yield Step(
        "Four points: (0, 0) and (1, 1) of one class, (0, 1) and (1, 0) of the other.",
        "a linear map gives each",
        tuple(equation(f"f[{x},{y}]", value) for (x, y), value in outputs.items()),
        part,
    )
    yield Step(
        "The two classes have the same sum.",
        "SymPy's difference of the two sums",
        (
            chain(plus("f[0,0]", "f[1,1]"), "=", both[0]),
            chain(plus("f[0,1]", "f[1,0]"), "=", both[1]),
            equation(words("difference"), sympy.expand(both[0] - both[1])),
        ),
        part,
    )
    yield Step(
        "So no boundary separates them: one sum would have to be above 0 and the other not.",
        "a line through the plane has both classes on some side; a single hidden layer of two "
        "ReLUs does it (`defib derive xor`)",
        part=part,
    )


def _separating(largest: int) -> int:
    """How many w₁·x + w₂·y + b with whole numbers up to `largest` are above 0 for one class only.

    The other class must be at or below 0, or the other way round.
    """
    found = 0
    for a, b, c in product(range(-largest, largest + 1), repeat=3):
        signs = {point: a * point[0] + b * point[1] + c > 0 for point in XOR}
        found += all(signs[p] == bool(label) for p, label in XOR.items())
        found += all(signs[p] != bool(label) for p, label in XOR.items())
    return found
