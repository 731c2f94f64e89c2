"""Activation functions with their derivatives, for arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

ArrayFunction = Callable[[np.ndarray], np.ndarray]

# Klambauer et al., Self-Normalizing Neural Networks (2017), the values torch uses.
SELU_SCALE = 1.0507009873554804934193349852946
SELU_ALPHA = 1.6732632423543772848170429916717


@final
@dataclass(frozen=True)
class Activation:
    """An elementwise non-linearity. `kinks`: where it or its derivative is not smooth, if at all.

    `parameter` is the slope of a leaky ReLU, the α of an ELU, the β of a softplus.
    """

    name: str
    function: ArrayFunction
    derivative: ArrayFunction
    kinks: tuple[float, ...] = ()
    parameter: float | None = None

    @property
    def splits(self) -> tuple[float, ...]:
        """Where to split an integral: the kinks, 0, and ±8, beyond which functions saturate.

        Without the latter, what happens between is missed when the variance is large.
        """
        return tuple({-8.0, 0.0, 8.0, *self.kinks})


def identity() -> Activation:
    """x."""
    return Activation("identity", lambda x: x, np.ones_like)


def relu() -> Activation:
    """max(x, 0)."""
    return Activation("relu", lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0, (0.0,))


def leaky_relu(slope: float = 0.01) -> Activation:
    """x where positive, slope · x elsewhere."""
    return Activation(
        "leaky_relu",
        lambda x: np.where(x > 0, x, slope * x),
        lambda x: np.where(x > 0, 1.0, slope),
        (0.0,),
        slope,
    )


def tanh() -> Activation:
    """tanh(x)."""
    return Activation("tanh", np.tanh, lambda x: 1 - np.tanh(x) ** 2)


def erf() -> Activation:
    """The error function erf(x)."""
    return Activation("erf", _erf, lambda x: 2 / math.sqrt(math.pi) * np.exp(-x * x))


def sigmoid() -> Activation:
    """1 / (1 + e^−x)."""
    return Activation("sigmoid", _sigmoid, lambda x: _sigmoid(x) * _sigmoid(-x))


def elu(alpha: float = 1.0) -> Activation:
    """x where positive, α(eˣ − 1) elsewhere."""
    return Activation(
        "elu",
        lambda x: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
        lambda x: np.where(x > 0, 1.0, alpha * np.exp(np.minimum(x, 0))),
        (0.0,),
        alpha,
    )


def selu() -> Activation:
    """1.0507 times the ELU with α = 1.6733."""
    base = elu(SELU_ALPHA)
    return Activation(
        "selu",
        lambda x: SELU_SCALE * base.function(x),
        lambda x: SELU_SCALE * base.derivative(x),
        (0.0,),
    )


def celu(alpha: float = 1.0) -> Activation:
    """x where positive, α(exp(x/α) − 1) elsewhere."""
    return Activation(
        "celu",
        lambda x: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha)),
        lambda x: np.where(x > 0, 1.0, np.exp(np.minimum(x, 0) / alpha)),
        (0.0,),
        alpha,
    )


def gelu() -> Activation:
    """x Φ(x), Φ the normal distribution function."""
    return Activation(
        "gelu",
        lambda x: x * _normal_cdf(x),
        lambda x: _normal_cdf(x) + x * np.exp(-x * x / 2) / math.sqrt(2 * math.pi),
    )


def gelu_tanh() -> Activation:
    """x/2 · (1 + tanh(√(2/π)(x + 0.044715 x³))), the approximation of GELU."""
    return Activation("gelu_tanh", _gelu_tanh, _gelu_tanh_derivative)


def silu() -> Activation:
    """x σ(x), also called swish."""
    return Activation(
        "silu",
        lambda x: x * _sigmoid(x),
        lambda x: _sigmoid(x) + x * _sigmoid(x) * _sigmoid(-x),
    )


def mish() -> Activation:
    """x tanh(softplus(x))."""
    return Activation("mish", lambda x: x * np.tanh(_softplus(x)), _mish_derivative)


def softplus(beta: float = 1.0) -> Activation:
    """ln(1 + e^{βx}) / β."""
    return Activation(
        "softplus", lambda x: _softplus(beta * x) / beta, lambda x: _sigmoid(beta * x), (), beta
    )


def softsign() -> Activation:
    """x / (1 + |x|)."""
    return Activation(
        "softsign", lambda x: x / (1 + np.abs(x)), lambda x: (1 + np.abs(x)) ** -2.0, (0.0,)
    )


def hardtanh(low: float = -1.0, high: float = 1.0) -> Activation:
    """x, limited to the interval from `low` to `high`."""
    return Activation(
        "hardtanh",
        lambda x: np.clip(x, low, high),
        lambda x: ((x > low) & (x < high)) * 1.0,
        (low, high),
    )


def relu6() -> Activation:
    """x, limited to the interval from 0 to 6."""
    limited = hardtanh(0.0, 6.0)
    return Activation("relu6", limited.function, limited.derivative, limited.kinks)


def hardsigmoid() -> Activation:
    """x/6 + 1/2, limited to the interval from 0 to 1."""
    return Activation(
        "hardsigmoid",
        lambda x: np.clip(x / 6 + 0.5, 0, 1),
        lambda x: (np.abs(x) < 3) / 6,
        (-3.0, 3.0),
    )


def hardswish() -> Activation:
    """x times the hard sigmoid of x."""
    gate = hardsigmoid()
    return Activation(
        "hardswish",
        lambda x: x * gate.function(x),
        lambda x: gate.function(x) + x * gate.derivative(x),
        gate.kinks,
    )


# numpy has no error function, and the few hundred points of a quadrature do not need a fast one.
_erf = np.vectorize(math.erf, otypes=[float])


def _normal_cdf(x: np.ndarray) -> np.ndarray:
    return (1 + _erf(x / math.sqrt(2))) / 2


def _sigmoid(x: np.ndarray) -> np.ndarray:
    # By tanh: e^−x would overflow.
    return (1 + np.tanh(x / 2)) / 2


def _softplus(x: np.ndarray) -> np.ndarray:
    return np.logaddexp(0, x)


def _mish_derivative(x: np.ndarray) -> np.ndarray:
    inner = np.tanh(_softplus(x))
    return inner + x * (1 - inner**2) * _sigmoid(x)


# The cubic term would overflow; from |x| = 10 on, tanh has been exactly ±1 for long.
def _gelu_tanh_argument(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, -10, 10)
    return math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)


def _gelu_tanh(x: np.ndarray) -> np.ndarray:
    return x / 2 * (1 + np.tanh(_gelu_tanh_argument(x)))


def _gelu_tanh_derivative(x: np.ndarray) -> np.ndarray:
    inner = np.tanh(_gelu_tanh_argument(x))
    slope = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * np.clip(x, -10, 10) ** 2)
    return (1 + inner) / 2 + x / 2 * (1 - inner**2) * slope
