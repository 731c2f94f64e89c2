"""The gradient of softmax and cross-entropy together: probability less target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, final

from defib.derivations.algebra import Expr, Matrix, sympy
from defib.derivations.base import Problem, Solution, option
from defib.derivations.comparison import compare
from defib.derivations.losses import softmax
from defib.derivations.reading import numbers
from defib.derivations.spelling import spelled
from defib.derivations.writing import (
    call,
    chain,
    decimal,
    equation,
    minus,
    negative,
    over,
    partial,
    plus,
    power,
    series,
    shown,
    symbol,
    words,
    written,
)
from defib.errors import UsageError
from defib.records.derivation import Check, Step

CLASSES = 3
"""In the symbolic part: enough for a right class and two others."""
DIGITS = 6


@final
@dataclass(frozen=True)
class SoftmaxCrossEntropy(Problem):
    """∂L/∂z = p − y for softmax and cross-entropy: derived, then with the numbers put in."""

    exercises: ClassVar[tuple[str, ...]] = ()

    scores: str = option("2,1,0", "The scores of the classes.")
    target: int = option(1, "The right class, from 1.")

    def solve(self) -> Solution:
        return Solution(
            "Softmax with cross-entropy",
            "Scores z go through softmax into the cross-entropy with the right class. What is the "
            "gradient by the scores?",
            [*_proof(), *_compared(), *self._numbers()],
            {f"dL/dz_{n}": float(each) for n, each in enumerate(self.gradient, start=1)},
            self._checks(),
        )

    @cached_property
    def vector(self) -> Matrix:
        """The scores. Raises `UsageError` if they are too few, or the class is none of them."""
        values = numbers(self.scores, "--scores")
        if len(values) < 2:
            raise UsageError(f"Expected the scores of at least two classes, got `{self.scores}`.")
        if not 1 <= self.target <= len(values):
            raise UsageError(
                f"Expected a class from 1 to {len(values)} for --target, got {self.target}."
            )
        return sympy.ImmutableMatrix(values)

    @cached_property
    def gradient(self) -> tuple[Expr, ...]:
        """p − y, exactly."""
        probabilities = softmax(self.vector)
        return tuple(p - int(n == self.target) for n, p in enumerate(probabilities, start=1))

    def _numbers(self) -> Iterator[Step]:
        part = "With numbers"
        exponentials = [power("e", shown(z)) for z in self.vector]
        probabilities = softmax(self.vector)
        yield Step(
            "The probabilities.",
            "",
            tuple(
                chain(
                    f"p_{n}",
                    "=",
                    over(exponentials[n - 1], plus(*exponentials)),
                    "≈",
                    decimal(p.evalf(30), DIGITS),
                )
                for n, p in enumerate(probabilities, start=1)
            ),
            part,
        )
        yield self._loss()
        yield self._pulled()

    def _loss(self) -> Step:
        chosen = softmax(self.vector)[self.target - 1]
        return Step(
            "The loss.",
            "",
            (
                chain(
                    "L",
                    "=",
                    negative(call("ln", f"p_{self.target}")),
                    "≈",
                    decimal((-sympy.log(chosen)).evalf(30), DIGITS),
                ),
            ),
            "With numbers",
        )

    def _pulled(self) -> Step:
        probabilities = softmax(self.vector)
        return Step(
            "The gradient: every score is pulled down by its probability, the right one up.",
            "",
            tuple(
                chain(
                    partial("L", f"z_{n}"),
                    "=",
                    minus(f"p_{n}", int(n == self.target)),
                    "≈",
                    minus(decimal(probabilities[n - 1].evalf(30), DIGITS), int(n == self.target)),
                    "≈",
                    decimal(g.evalf(30), DIGITS),
                )
                for n, g in enumerate(self.gradient, start=1)
            ),
            "With numbers",
        )

    def _checks(self) -> Iterator[Check]:
        """The gradient of ln Σ e^z − z_y, by SymPy's own differentiation."""
        names = sympy.symbols(f"z_1:{self.vector.rows + 1}", real=True)
        loss = sympy.log(sum(map(sympy.exp, names))) - names[self.target - 1]
        values = dict(zip(names, self.vector, strict=True))
        pairs = [
            (float(mine), float(sympy.diff(loss, name).subs(values)))
            for mine, name in zip(self.gradient, names, strict=True)
        ]
        yield compare(
            "differentiation", "p − y and the derivative of ln Σ e^z − z", pairs, tolerance=1e-12
        )
        yield compare(
            "exact", "the gradients add up to 0", [(float(sympy.simplify(sum(self.gradient))), 0.0)]
        )


def _proof() -> Iterator[Step]:
    part = "For every score"
    total = series("Σ", "k", None, power("e", "z_k"))
    yield Step(
        "Softmax, and the loss of the right class y.",
        "",
        (
            chain("p_i", "=", over(power("e", "z_i"), total)),
            chain(
                "L",
                "=",
                negative(call("ln", "p_y")),
                "=",
                minus(call("ln", total), "z_y"),
            ),
        ),
        part,
    )
    yield Step(
        "The derivative of the sum under the logarithm is the probability.",
        "the chain rule: one over the sum, times the derivative of its term e^z_j",
        (
            chain(
                partial(call("ln", total), "z_j"),
                "=",
                over(power("e", "z_j"), total),
                "=",
                "p_j",
            ),
        ),
        part,
    )
    yield Step(
        "The derivative of z_y is 1 at the right class and 0 elsewhere; call that y_j.",
        "",
        (chain(partial("L", "z_j"), "=", spelled("p - y", p="p_j", y="y_j")),),
        part,
    )


def _compared() -> Iterator[Step]:
    """What SymPy finds for three classes, beside the formulas."""
    part = "For every score"
    names = sympy.symbols(f"z_1:{CLASSES + 1}", real=True)
    total = sum(map(sympy.exp, names))
    p = [sympy.exp(z) / total for z in names]
    differences = [
        sympy.simplify(sympy.diff(-sympy.log(p[0]), z) - (p[j] - int(j == 0)))
        for j, z in enumerate(names)
    ]
    yield Step(
        f"SymPy differentiates the loss for {CLASSES} classes and compares.",
        "",
        tuple(
            equation(
                minus(partial("L", f"z_{j}"), words(f"(p − y) of class {j}")), written(difference)
            )
            for j, difference in enumerate(differences, start=1)
        ),
        part,
    )
    shift = sympy.Symbol("c", real=True)
    moved = sympy.simplify(
        sympy.exp(names[0] + shift) / sum(sympy.exp(z + shift) for z in names) - p[0]
    )
    yield Step(
        "A constant added to all scores changes nothing, so the largest score may be taken off "
        "first: no exponential can overflow.",
        "the common factor cancels; SymPy's difference",
        (equation(minus(words("p of the shifted scores"), symbol("p")), written(moved)),),
        part,
    )
