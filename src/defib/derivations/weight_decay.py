"""L2 regularisation is weight decay for gradient descent, and is not for momentum and Adam."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, final

from defib.derivations.algebra import Expr, sympy
from defib.derivations.base import Problem, Solution, option
from defib.derivations.comparison import compare
from defib.derivations.reading import numbers
from defib.derivations.spelling import computed, spelled, with_values
from defib.derivations.writing import (
    as_fraction,
    call,
    chain,
    equation,
    minus,
    over,
    partial,
    plus,
    power,
    result_chain,
    root,
    shown,
    times,
    words,
)
from defib.records.derivation import Check, Step, Table

L2_STEP = "w - lr*(g + wd*w)"
DECAY_STEP = "(1 - lr*wd)*w - lr*g"


@final
@dataclass(frozen=True)
class WeightDecay(Problem):
    """Why an L2 penalty is weight decay under gradient descent, and why it is not under Adam."""

    exercises: ClassVar[tuple[str, ...]] = ("D7",)
    references: ClassVar[tuple[str, ...]] = (
        "Loshchilov, Hutter, Decoupled Weight Decay Regularization (2019), arXiv:1711.05101.",
    )

    weight: str = option("1", "The weight.")
    gradients: str = option("10,1/10", "Gradients of two weights that are alike in size.")
    learning_rate: str = option("1/10", "Learning rate.")
    decay: str = option("1/2", "The factor λ of the penalty.")

    def solve(self) -> Solution:
        return Solution(
            "L2 regularisation and weight decay",
            "The loss gets a penalty of λ/2·w². What does a step do to the weight?",
            [*_descent(), *self._numbers(), *_momentum(), *self._adam()],
            {
                "descent": as_fraction(self._value(L2_STEP, 0)),
                "adam with l2": as_fraction(self._adam_values()[0][0]),
                "adamw": as_fraction(self._adam_values()[1][0]),
            },
            self._checks(),
        )

    def values(self) -> dict[str, Expr]:
        """Weight, learning rate and decay."""
        return {
            "w": numbers(self.weight, "--weight", count=1)[0],
            "lr": numbers(self.learning_rate, "--learning-rate", count=1)[0],
            "wd": numbers(self.decay, "--decay", count=1)[0],
        }

    def both_gradients(self) -> tuple[Expr, ...]:
        """The gradients of the two weights."""
        return numbers(self.gradients, "--gradients", count=2)

    def _value(self, step: str, which: int) -> Expr:
        return computed(spelled(step), {**self.values(), "g": self.both_gradients()[which]})

    def _numbers(self) -> Iterator[Step]:
        formulas = []
        for which, gradient in enumerate(self.both_gradients()):
            known = {**self.values(), "g": gradient}
            for step in (L2_STEP, DECAY_STEP):
                inside = with_values(spelled(step), known)
                formulas.append(result_chain("w", inside, self._value(step, which)))
        yield Step(
            "With numbers, both ways, for two weights.",
            "the penalty inside the gradient, and the decay beside it",
            tuple(formulas),
            "Gradient descent",
        )

    def _adam_values(self) -> tuple[tuple[Expr, ...], tuple[Expr, ...]]:
        """Both weights after Adam's first step: with the penalty, and with decoupled decay."""
        known = self.values()
        w, rate, decay = known["w"], known["lr"], known["wd"]
        inside = tuple(w - rate * sympy.sign(g + decay * w) for g in self.both_gradients())
        beside = tuple((1 - rate * decay) * w - rate * sympy.sign(g) for g in self.both_gradients())
        return inside, beside

    def _adam(self) -> Iterator[Step]:
        part = "Adam"
        yield Step(
            "In its first step Adam divides the gradient by its own size.",
            "after the corrections of the first step m is the gradient and v its square; ε is left "
            "out",
            (
                chain(
                    over("mhat", root("vhat")),
                    "=",
                    over("g", root(power("g", 2))),
                    "=",
                    call("sign", "g"),
                ),
            ),
            part,
        )
        yield Step(
            "A penalty inside the gradient is divided as well: only the sign of the sum is left.",
            "as long as λ·w does not turn the sign, the penalty changes nothing at all; later it "
            "is divided by the size of the gradients, so that weights with large gradients decay "
            "least",
            (
                chain(
                    "w",
                    "←",
                    minus("w", times("eta", call("sign", plus("g", times("lambda", "w"))))),
                ),
            ),
            part,
        )
        inside, beside = self._adam_values()
        rows = tuple(
            (shown(g), shown(a), shown(b), shown(self._value(DECAY_STEP, n)))
            for n, (g, a, b) in enumerate(zip(self.both_gradients(), inside, beside, strict=True))
        )
        yield Step(
            "Decoupled (AdamW), the decay stands beside the quotient and is not divided.",
            "every weight loses the same share",
            (
                chain(
                    "w",
                    "←",
                    minus(spelled("(1 - lr*wd)*w"), times("eta", call("sign", "g"))),
                ),
            ),
            part,
            Table(("gradient", "Adam with L2", "AdamW", "gradient descent with either"), rows),
        )

    def _checks(self) -> Iterator[Check]:
        pairs = [
            (as_fraction(self._value(L2_STEP, n)), as_fraction(self._value(DECAY_STEP, n)))
            for n in (0, 1)
        ]
        yield compare("exact", "gradient descent with L2 and with decay", pairs)


def _descent() -> Iterator[Step]:
    part = "Gradient descent"
    penalty = spelled("wd/2*w**2")
    w, rate = sympy.symbols("w lambda")
    yield Step(
        "The gradient of the penalty is λ·w.",
        "the derivative of a square",
        (chain(partial(penalty, "w"), "=", sympy.diff(rate / 2 * w**2, w)),),
        part,
    )
    names = {name: sympy.Symbol(name) for name in ("w", "lr", "g", "wd")}
    difference = sympy.expand(
        computed(spelled(L2_STEP), names) - computed(spelled(DECAY_STEP), names)
    )
    yield Step(
        "Put into the step, it takes the same share off the weight each time: it decays.",
        "multiply out and collect w",
        (chain("w", "←", spelled(L2_STEP), "=", spelled(DECAY_STEP)),),
        part,
    )
    yield Step(
        "Both sides are the same: SymPy expands their difference.",
        "an L2 factor λ is a decay of η·λ each step; who changes η changes the decay with it",
        (equation(words("left side minus right side"), difference),),
        part,
    )


def _momentum() -> Iterator[Step]:
    w0, g1, g2, rate, decay, mu = sympy.symbols("w_0 g_1 g_2 eta lambda mu")
    inside_v1 = g1 + decay * w0
    inside_w1 = w0 - rate * inside_v1
    inside = inside_w1 - rate * (mu * inside_v1 + g2 + decay * inside_w1)
    beside_w1 = (1 - rate * decay) * w0 - rate * g1
    beside = (1 - rate * decay) * beside_w1 - rate * (mu * g1 + g2)
    yield Step(
        "With momentum the two are no longer the same.",
        "the velocity remembers the penalty of earlier steps, the decay beside it does not; after "
        "two steps, by SymPy",
        (
            equation(
                words("penalty inside minus decay beside"),
                sympy.factor(sympy.expand(inside - beside)),
            ),
        ),
        "Momentum",
    )
