"""What a call of a torch function does to a signal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, final

from defib.analysis.signal_propagation import activations
from defib.analysis.signal_propagation.activations import Activation
from defib.analysis.signal_propagation.moments import moments

# Names of functions and methods. They return the same numbers in another shape.
_RESHAPING = frozenset(
    (
        *("flatten", "unflatten", "view", "reshape", "ravel", "squeeze", "unsqueeze"),
        *("permute", "transpose", "movedim", "swapaxes", "t", "contiguous", "clone"),
    )
)
_DROPOUT = frozenset(("dropout", "dropout1d", "dropout2d", "dropout3d", "feature_dropout"))


@final
@dataclass(frozen=True, eq=False)
class FunctionCall:
    """The name of torch's function or method and the user's arguments, of any type."""

    name: str
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]

    def argument(self, position: int, keyword: str, default: Any = None) -> Any:
        """An argument by position or keyword; the tensor is at position 0."""
        if position < len(self.arguments):
            return self.arguments[position]
        return self.keywords.get(keyword, default)


def is_reshaping(call: FunctionCall) -> bool:
    """Whether the result holds the same numbers, each once."""
    return call.name in _RESHAPING


def dropout_factor(call: FunctionCall) -> float | None:
    """1/(1 − p), by which dropout raises second moments; 1 outside of training.

    `None` if the call is no dropout, or drops everything.
    """
    if call.name.removesuffix("_") not in _DROPOUT:
        return None
    is_training = call.argument(2, "training", call.keywords.get("train", True))
    if not is_training:
        return 1.0
    probability = float(call.argument(1, "p", 0.5))
    return None if probability >= 1 else 1 / (1 - probability)


def called_activation(call: FunctionCall) -> Activation | None:
    """The activation that is computed, also in place (`relu_`); `None` if it is none."""
    build = _BUILDERS.get(call.name.removesuffix("_"))
    return None if build is None else build(call)


Build = Callable[[FunctionCall], Activation]


def _plain(build: Callable[[], Activation]) -> Build:
    def read(call: FunctionCall) -> Activation:
        del call
        return build()

    return read


def _with_parameter(build: Callable[[float], Activation], keyword: str, default: float) -> Build:
    return lambda call: build(float(call.argument(1, keyword, default)))


def _gelu(call: FunctionCall) -> Activation:
    kind = call.argument(1, "approximate", "none")
    return activations.gelu_tanh() if kind == "tanh" else activations.gelu()


def _hardtanh(call: FunctionCall) -> Activation:
    low, high = call.argument(1, "min_val", -1.0), call.argument(2, "max_val", 1.0)
    return activations.hardtanh(float(low), float(high))


def _prelu(call: FunctionCall) -> Activation:
    # One slope per channel: their root mean square leads to the same second moments.
    return activations.leaky_relu(moments(call.argument(1, "weight")).second_moment ** 0.5)


_BUILDERS: Mapping[str, Build] = {
    "relu": _plain(activations.relu),
    "tanh": _plain(activations.tanh),
    "sigmoid": _plain(activations.sigmoid),
    "selu": _plain(activations.selu),
    "silu": _plain(activations.silu),
    "mish": _plain(activations.mish),
    "erf": _plain(activations.erf),
    "softsign": _plain(activations.softsign),
    "relu6": _plain(activations.relu6),
    "hardswish": _plain(activations.hardswish),
    "hardsigmoid": _plain(activations.hardsigmoid),
    "leaky_relu": _with_parameter(activations.leaky_relu, "negative_slope", 0.01),
    "elu": _with_parameter(activations.elu, "alpha", 1.0),
    "celu": _with_parameter(activations.celu, "alpha", 1.0),
    "softplus": _with_parameter(activations.softplus, "beta", 1.0),
    "gelu": _gelu,
    "hardtanh": _hardtanh,
    "prelu": _prelu,
}
