"""tanh is a stretched sigmoid: the identity, the slopes, the saturation of both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import exp
from typing import ClassVar, final

from defib.derivations.activations import sigmoid
from defib.derivations.algebra import Expr, sympy
from defib.derivations.base import Problem, Solution, option
from defib.derivations.comparison import compare
from defib.derivations.reading import numbers
from defib.derivations.spelling import spelled
from defib.derivations.writing import call, chain, decimal, equation, partial, shown, words, written
from defib.records.derivation import Check, Step, Table
from defib.records.formula import Formula

DIGITS = 6


@final
@dataclass(frozen=True)
class TanhSigmoid(Problem):
    """tanh(z) = 2·σ(2z) − 1: derived, with the slopes, and what tanh does and does not mend."""

    exercises: ClassVar[tuple[str, ...]] = ("D4",)

    at: str = option("0,1,2,4,8", "Where values and slopes are worked out.")

    def solve(self) -> Solution:
        z = sympy.Symbol("z", real=True)
        return Solution(
            "tanh and sigmoid",
            "A sigmoid saturates. Is tanh any better?",
            [*_identity(z), *_slopes(z), self._table(), *_centre(z)],
            {"slope of tanh at 0": Fraction(1), "slope of sigmoid at 0": _slope_at_zero(z)},
            [self._check()],
        )

    def _table(self) -> Step:
        rows = []
        for z in numbers(self.at, "--at"):
            s, t = sigmoid(z), sympy.tanh(z)
            cells = [s, t, s * (1 - s), 1 - t**2]
            rows.append((shown(z), *(decimal(each.evalf(30), DIGITS) for each in cells)))
        return Step(
            "Values and slopes.",
            "far from 0 both slopes vanish, and with them the gradient of everything below",
            part="Saturation",
            table=Table(("z", "σ(z)", "tanh(z)", "slope of σ", "slope of tanh"), tuple(rows)),
        )

    def _check(self) -> Check:
        """Both sides of the identity on a grid, each from exponentials alone."""
        grid = [Fraction(n, 8) for n in range(-80, 81)]
        pairs = [
            (
                (exp(z) - exp(-z)) / (exp(z) + exp(-z)),
                2 / (1 + exp(-2 * z)) - 1,
            )
            for z in map(float, grid)
        ]
        return compare(
            "brute force", "both sides of the identity on a grid", pairs, tolerance=1e-12
        )


def _identity(z: Expr) -> Iterator[Step]:
    part = "The identity"
    left = (sympy.exp(z) - sympy.exp(-z)) / (sympy.exp(z) + sympy.exp(-z))
    right = 2 * sigmoid(2 * z) - 1
    first: Formula = spelled("(e**z - e**(-z))/(e**z + e**(-z))")
    yield Step(
        "Begin with the definition of tanh, and divide above and below by e^z.",
        "",
        (
            chain(
                call("tanh", "z"), "=", first, "=", spelled("(1 - e**(-(2*z)))/(1 + e**(-(2*z)))")
            ),
        ),
        part,
    )
    yield Step(
        "Write the numerator as two less the denominator.",
        "",
        (
            chain(
                call("tanh", "z"),
                "=",
                spelled("(2 - (1 + e**(-(2*z))))/(1 + e**(-(2*z)))"),
                "=",
                spelled("2/(1 + e**(-(2*z))) - 1"),
                "=",
                spelled("2*sigma(2*z) - 1"),
            ),
        ),
        part,
    )
    difference = sympy.simplify((left - right).rewrite(sympy.exp))
    yield Step(
        "Both sides are the same: SymPy simplifies their difference.",
        "tanh is a sigmoid, twice as high, half as wide, moved down to be centred",
        (equation(words("left side minus right side"), difference),),
        part,
    )


def _slope_at_zero(z: Expr) -> Fraction:
    value = sympy.diff(sigmoid(z), z).subs(z, 0)
    return Fraction(int(value.p), int(value.q))


def _slopes(z: Expr) -> Iterator[Step]:
    part = "Saturation"
    s, t = sigmoid(z), sympy.tanh(z)
    is_same = (
        sympy.simplify(sympy.diff(s, z) - s * (1 - s)),
        sympy.simplify(sympy.diff(t, z) - (1 - t**2)),
    )
    yield Step(
        "The slopes, by the values themselves.",
        f"SymPy differentiates; the difference to these forms is {is_same[0]} and {is_same[1]}",
        (
            chain(partial(call("sigma", "z"), "z"), "=", spelled("sigma(z)*(1 - sigma(z))")),
            chain(partial(call("tanh", "z"), "z"), "=", spelled("1 - tanh(z)**2")),
        ),
        part,
    )
    limits = [
        (name, sympy.limit(sympy.diff(each, z), z, sympy.oo), sympy.diff(each, z).subs(z, 0))
        for name, each in (("σ", s), ("tanh", t))
    ]
    yield Step(
        "The largest slope, at 0, and the slope far out.",
        "both saturate: tanh does not mend that; only its largest slope is four times larger",
        tuple(
            formula
            for name, far, middle in limits
            for formula in (
                equation(words(f"slope of {name} at 0"), written(middle)),
                chain(words(f"slope of {name}"), "→", written(far)),
            )
        ),
        part,
    )


def _centre(z: Expr) -> Iterator[Step]:
    s, t = sigmoid(z), sympy.tanh(z)
    even = sympy.simplify((t + t.subs(z, -z)).rewrite(sympy.exp))
    centre = sympy.simplify(s + s.subs(z, -z))
    yield Step(
        "What tanh does mend: its outputs are centred on 0.",
        "inputs around 0 give outputs around 0, while those of a sigmoid are all positive: then "
        "the gradients of all weights of a unit above share one sign, and descent zig-zags",
        (
            chain(spelled("tanh(z) + tanh(-z)"), "=", written(even)),
            chain(spelled("sigma(z) + sigma(-z)"), "=", written(centre)),
        ),
        "The centre",
    )
