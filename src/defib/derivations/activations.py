"""Activation functions with their derivatives, exactly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import final

from defib.derivations.algebra import Expr, sympy
from defib.derivations.writing import call, minus, power, times
from defib.errors import UnknownNameError, UsageError
from defib.records.formula import Formula

CARRIED_DIGITS = 30
"""Digits with which an irrational number is carried on."""

LEAKY_SLOPE = sympy.Rational(1, 100)
"""Of torch's `LeakyReLU`."""


@final
@dataclass(frozen=True)
class Activation:
    """A function by its name in formulas, its value, its derivative, and the rule of both.

    `slope_of` writes the derivative at z, given z and the value there.
    """

    symbol: str
    value: Callable[[Expr], Expr]
    slope: Callable[[Expr], Expr]
    rule: str
    slope_of: Callable[[Formula, Formula], Formula] | None = None

    def apply(self, z: Formula) -> Formula:
        """The function written around `z`."""
        return z if self.symbol == "identity" else call(self.symbol, z)


def _sign(z: Expr) -> bool:
    """Whether z is above 0; at 0 the derivative is taken as 0, as torch and Keras do."""
    if not z.is_number:
        raise UsageError(
            f"The sign of `{z}` is open, and with it the branch of a ReLU. Give numbers to "
            f"{', '.join(f'`{each}`' for each in sorted(map(str, z.free_symbols)))}."
        )
    return bool(z > 0)


def sigmoid(z: Expr) -> Expr:
    """1/(1 + e^−z)."""
    return 1 / (1 + sympy.exp(-z))


_ONE = sympy.Integer(1)
ACTIVATIONS: Mapping[str, Activation] = {
    "identity": Activation("identity", lambda z: z, lambda _: _ONE, "a linear unit has slope 1"),
    "relu": Activation(
        "ReLU",
        lambda z: z if _sign(z) else sympy.Integer(0),
        lambda z: _ONE if _sign(z) else sympy.Integer(0),
        "a ReLU has slope 1 where its input is above 0, else 0",
    ),
    "leaky-relu": Activation(
        "LeakyReLU",
        lambda z: z if _sign(z) else LEAKY_SLOPE * z,
        lambda z: _ONE if _sign(z) else LEAKY_SLOPE,
        "a leaky ReLU has slope 1 where its input is above 0, else the small slope",
    ),
    "sigmoid": Activation(
        "sigma",
        sigmoid,
        lambda z: sigmoid(z) * (1 - sigmoid(z)),
        "the slope of a sigmoid is σ(z)·(1 − σ(z))",
        lambda _, value: times(value, minus(1, value)),
    ),
    "tanh": Activation(
        "tanh",
        sympy.tanh,
        lambda z: 1 - sympy.tanh(z) ** 2,
        "the slope of tanh is 1 − tanh²(z)",
        lambda _, value: minus(1, power(value, 2)),
    ),
}


def activation_called(name: str) -> Activation:
    """The activation `name`. Raises `UnknownNameError` if there is none."""
    if name not in ACTIVATIONS:
        advice = f"Known are {', '.join(ACTIVATIONS)}."
        raise UnknownNameError("activation", name, ACTIVATIONS, advice=advice)
    return ACTIVATIONS[name]


LONGEST_EXACT = 10**120
"""Numerators and denominators beyond are rounded: those of exact steps double their digits
with every step."""


def carried(value: Expr) -> Expr:
    """`value` itself; an irrational number, or too long a fraction, as a rational of 30 digits."""
    is_long = value.is_Rational and max(abs(value.p), value.q) > LONGEST_EXACT
    if is_long or (value.is_number and not value.is_Rational):
        return sympy.Rational(str(value.evalf(CARRIED_DIGITS)))
    return value
