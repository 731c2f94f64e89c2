"""Says why a network did not run through, and what would fit."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from torch import nn

from defib.analysis.example import Inputs
from defib.analysis.fitting_shape import Shape, fitting_shape, fitting_side
from defib.analysis.functions.arguments import argument, sizes
from defib.analysis.functions.convolutions import SLIDING, TRANSPOSED, convolution_of
from defib.analysis.run_ladder import TracedRun
from defib.analysis.trace import Failure, FunctionCall, ModuleCall


@final
@dataclass(frozen=True)
class _Stop:
    """Where a run stopped: the last function that the code called need not be at fault."""

    network: nn.Module
    inputs: Inputs
    failure: Failure
    function: FunctionCall | None

    @property
    def layer(self) -> str:
        """`features.0` (Conv2d), or the network."""
        call = self.failure.call
        return _named(call) if call is not None else f"`{type(self.network).__name__}`"


def explained(network: nn.Module, run: TracedRun) -> str:
    """One message: which layer, what it expected, what it got, and what would fit."""
    failure = run.trace.failure
    if failure is None:
        return ""
    function = run.trace.functions[-1] if run.trace.functions else None
    stop = _Stop(network, run.inputs, failure, function)
    for explanation in _EXPLANATIONS:
        if message := explanation(stop):
            return message
    return _as_raised(stop)


def _arguments(stop: _Stop) -> str:
    """Arguments of `forward` that are missing, or that it does not take."""
    call = stop.failure.call
    if not isinstance(stop.failure.error, TypeError) or (call is not None and call.name):
        return ""
    signature = inspect.signature(stop.network.forward)
    try:
        signature.bind(*stop.inputs.arguments, **stop.inputs.keywords)
    except TypeError as error:
        needed = [
            f"`{each.name}`"
            for each in list(signature.parameters.values())[len(stop.inputs.arguments) :]
            if each.default is each.empty
            and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
            and each.name not in stop.inputs.keywords
        ]
        name = f"`{type(stop.network).__name__}.forward`"
        if not needed:
            return f"{name} takes {signature}, but {error}."
        return (
            f"{name} also needs {', '.join(needed)}: it takes {signature}. "
            "Give every input, or inputs by name."
        )
    return ""


def _channels(stop: _Stop) -> str:
    """A convolution with another number of input channels."""
    call = stop.function
    if call is None or call.name not in (*SLIDING, *TRANSPOSED):
        return ""
    features, weight = sizes(call, 0, "input"), sizes(call, 1, "weight")
    axes = len(weight) - 2
    if len(features) not in (axes + 1, axes + 2):
        return (
            f"{stop.layer} expects an input of {axes + 2} dimensions (batch, channels and "
            f"{axes} spatial) but received {_text(features)}."
        )
    is_transposed = call.name in TRANSPOSED
    expected = weight[0] if is_transposed else weight[1] * argument(call, 6, "groups", 1)
    given = features[-axes - 1]
    if given == expected:
        return ""
    return (
        f"{stop.layer} expects {expected} input channels but received {given} "
        f"(input shape {_text(features)}). {_fit(stop, given, expected)}"
    ).rstrip()


def _kernel(stop: _Stop) -> str:
    """A kernel that is larger than the padded map."""
    call = stop.function
    if call is None or call.name not in SLIDING:
        return ""
    convolution = convolution_of(call)
    if min(convolution.output) > 0:
        return ""
    kernel = tuple(window.kernel for window in convolution.windows)
    image = tuple(window.size for window in convolution.windows)
    return (
        f"The kernel of {stop.layer}, {_text(kernel)}, is larger than its input, "
        f"{_text(image)}, with padding. {_fitting(fitting_side(stop.network, stop.inputs))}"
    ).rstrip()


def _features(stop: _Stop) -> str:
    """A linear layer with another number of input features."""
    call = stop.function
    if call is None or call.name != "linear":
        return ""
    features, weight = sizes(call, 0, "input"), sizes(call, 1, "weight")
    if not features or len(weight) != 2 or features[-1] == weight[1]:
        return ""
    return (
        f"{stop.layer} expects {weight[1]} input features but received {features[-1]} "
        f"(input shape {_text(features)}). {_fit(stop, features[-1], weight[1])}"
    ).rstrip()


def _normalization(stop: _Stop) -> str:
    """A normalisation with another number of channels."""
    call = stop.function
    if call is None or call.name != "batch_norm":
        return ""
    features = sizes(call, 0, "input")
    expected = sizes(call, 1, "running_mean") or sizes(call, 3, "weight")
    if len(features) < 2 or not expected or features[1] == expected[0]:
        return ""
    return (
        f"{stop.layer} expects {expected[0]} channels but received {features[1]} "
        f"(input shape {_text(features)}). {_fit(stop, features[1], expected[0])}"
    ).rstrip()


def _device(stop: _Stop) -> str:
    """A network that moves data to a device that this machine lacks."""
    words = str(stop.failure.error)
    if not any(each in words for each in ("CUDA enabled", "NVIDIA", "cuda devices", "HIP")):
        return ""
    return (
        f"{stop.layer} moves data to a device that this machine does not have{_place(stop)} "
        f"({_line(stop)}). Use the device of its input (`x.device`) there."
    )


def _as_raised(stop: _Stop) -> str:
    call = stop.failure.call
    shapes = [_text(value.shape.dimensions) for value in call.inputs] if call else []
    received = f", given {', '.join(shapes)}" if shapes else ""
    return f"{stop.layer} failed{_place(stop)}{received}: {_line(stop)}"


_EXPLANATIONS: tuple[Callable[[_Stop], str], ...] = (
    _arguments,
    _channels,
    _kernel,
    _features,
    _normalization,
    _device,
)


def _fit(stop: _Stop, given: int, expected: int) -> str:
    return _fitting(fitting_shape(stop.network, stop.inputs, given=given, expected=expected))


def _fitting(shape: Shape | None) -> str:
    return "" if shape is None else f"An input of shape {_text(shape)} would fit."


def _named(call: ModuleCall) -> str:
    kind = type(call.module).__name__
    return f"`{call.name}` ({kind})" if call.name and call.name[0] != "(" else f"`{kind}`"


def _place(stop: _Stop) -> str:
    return f" at {stop.failure.site.label}" if stop.failure.site else ""


def _line(stop: _Stop) -> str:
    error = stop.failure.error
    words = str(error).strip().splitlines()
    return f"{type(error).__name__}: {words[0]}" if words else type(error).__name__


def _text(shape: Shape) -> str:
    return "x".join(map(str, shape)) or "no dimensions"
