"""Replacing the non-linearities of a network, whether they are modules or functions."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from defib.discovery.keras_layers import holds_keras_layers, keras_layers_of, modules_of
from defib.discovery.patches import Patches
from defib.fixes.live_training import LiveTraining
from defib.fixes.trial_pass import trial_pass

Activation = Callable[[Tensor], Tensor]

MODULES: Mapping[str, tuple[type[nn.Module], ...]] = {
    "relu": (nn.ReLU, nn.ReLU6),
    "sigmoid": (nn.Sigmoid, nn.Hardsigmoid),
    "tanh": (nn.Tanh, nn.Hardtanh, nn.Softsign),
}
FUNCTIONS: Mapping[str, tuple[tuple[Any, str], ...]] = {
    "relu": ((F, "relu"), (torch, "relu"), (Tensor, "relu")),
    "sigmoid": ((F, "sigmoid"), (torch, "sigmoid"), (Tensor, "sigmoid")),
    "tanh": ((F, "tanh"), (torch, "tanh"), (Tensor, "tanh")),
}


_RECURRENT = ("RNN",)
"""Classes of Keras that apply non-linearities within, which belong to them as those of an
`nn.LSTM` do."""


def swap_activations(
    training: LiveTraining, kinds: tuple[str, ...], make: Callable[[], nn.Module], what: str
) -> None:
    """Have modules and functions of `kinds` replaced by `make()` in hidden layers.

    What gives the network's output stays: it belongs to the loss.
    """

    def change(model: nn.Module, inputs: tuple[Tensor, ...]) -> str:
        output = output_activation(model, inputs, kinds)
        modules = _swap_modules(model, kinds, make, output.module)
        calls = _Calls(make(), keep=output.call)
        if output.calls - (output.call is not None) > 0:
            _replace_calls(training, model, kinds, calls)
        count = modules + output.calls - (output.call is not None)
        return f"{count} times {' or '.join(kinds)} replaced by {what}" if count > 0 else ""

    training.on_model(change)


def skip_call(
    training: LiveTraining, model: nn.Module, kinds: tuple[str, ...], number: int
) -> None:
    """Have the call `number` of functions of `kinds`, in each forward pass, give its input."""
    _replace_calls(training, model, kinds, _Calls(nn.Identity(), only=number))


def _replace_calls(
    training: LiveTraining, model: nn.Module, kinds: tuple[str, ...], calls: _Calls
) -> None:
    model.register_forward_pre_hook(calls.begin)
    model.register_forward_hook(calls.end, always_call=True)
    for layer in keras_layers_of(model, *_RECURRENT):
        layer.register_forward_pre_hook(calls.depth.enter)
        layer.register_forward_hook(calls.depth.leave, always_call=True)
    for kind in kinds:
        for owner, name in FUNCTIONS[kind]:
            training.replace_function(owner, name, calls.wrap)


def _swap_modules(
    model: nn.Module, kinds: tuple[str, ...], make: Callable[[], nn.Module], kept: nn.Module | None
) -> int:
    classes = tuple(each for kind in kinds for each in MODULES[kind])
    count = 0
    for parent in list(modules_of(model)):
        for name, module in parent._modules.items():
            if module is not None and type(module) in classes and module is not kept:
                parent._modules[name] = make().train(module.training)
                count += 1
    return count


@final
class OutputActivation:
    """Which activation gives the network's output, among the modules and among the calls."""

    def __init__(self) -> None:
        self.module: nn.Module | None = None
        self.call: int | None = None
        self.calls = 0


def output_activation(
    model: nn.Module, inputs: tuple[Tensor, ...], kinds: tuple[str, ...]
) -> OutputActivation:
    """Run it once and see. Nothing is known without an input."""
    found = OutputActivation()
    if not inputs:
        return found
    # A copy, which torch's modules allow in training mode too.
    twin = model if holds_keras_layers(model) else copy.deepcopy(model)
    results: list[tuple[nn.Module | int, Tensor]] = []
    classes = tuple(each for kind in kinds for each in MODULES[kind])
    own = dict(zip(modules_of(twin), modules_of(model), strict=True))

    def seen(module: nn.Module, arguments: Any, output: Tensor) -> None:
        del arguments
        results.append((own[module], output))

    handles = [module.register_forward_hook(seen) for module in own if type(module) in classes]
    with _counting(kinds, results, twin):
        output = _output_of(twin, inputs)
    for handle in handles:
        handle.remove()
    found.calls = sum(isinstance(place, int) for place, _ in results)
    if isinstance(output, Tensor):
        for place, result in results:
            if result.data_ptr() == output.data_ptr() and result.numel() == output.numel():
                found.module = place if isinstance(place, nn.Module) else found.module
                found.call = place if isinstance(place, int) else found.call
    return found


def _output_of(model: nn.Module, inputs: tuple[Tensor, ...]) -> Any:
    if holds_keras_layers(model):
        return trial_pass(model, inputs, ())
    with torch.no_grad():
        return model(*inputs)


@contextmanager
def _counting(
    kinds: tuple[str, ...], results: list[tuple[nn.Module | int, Tensor]], model: nn.Module
) -> Any:
    patches = Patches()
    number = 0
    depth = _Depth()
    for layer in keras_layers_of(model, *_RECURRENT):
        patches.add_undo(layer.register_forward_pre_hook(depth.enter).remove)
        patches.add_undo(layer.register_forward_hook(depth.leave).remove)

    def wrap(original: Activation) -> Activation:
        def called(values: Tensor, *arguments: Any, **keywords: Any) -> Tensor:
            nonlocal number
            is_counted = not depth.inside and not _is_inside_module()
            depth.inside += 1  # `F.sigmoid` calls that of the tensor.
            try:
                result = original(values, *arguments, **keywords)
            finally:
                depth.inside -= 1
            if is_counted:
                results.append((number, result))
                number += 1
            return result

        return called

    for kind in kinds:
        for owner, name in FUNCTIONS[kind]:
            patches.replace(owner, name, wrap)
    try:
        yield
    finally:
        patches.undo()


def _is_inside_module() -> bool:
    """Whether the caller of the caller is torch's own module, which calls the function too."""
    import sys

    return sys._getframe(2).f_globals.get("__name__", "").startswith("torch.nn.modules")


@final
class _Depth:
    """How many recurrent layers of Keras are being called."""

    def __init__(self) -> None:
        self.inside = 0

    def enter(self, layer: nn.Module, inputs: Any) -> None:
        del layer, inputs
        self.inside += 1

    def leave(self, layer: nn.Module, inputs: Any, output: Any) -> None:
        del layer, inputs, output
        self.inside -= 1


@final
class _Calls:
    """Replaces calls of functions within the forward pass of one network."""

    def __init__(
        self, activation: nn.Module, *, keep: int | None = None, only: int | None = None
    ) -> None:
        self._activation = activation
        self._keep = keep
        self._only = only
        self._number: int | None = None
        self.depth = _Depth()

    def begin(self, module: nn.Module, inputs: Any) -> None:
        del module, inputs
        self._number = 0

    def end(self, module: nn.Module, inputs: Any, output: Any) -> None:
        del module, inputs, output
        self._number = None

    def wrap(self, original: Activation) -> Activation:
        def called(values: Tensor, *arguments: Any, **keywords: Any) -> Tensor:
            if self._number is None or self.depth.inside or _is_inside_module():
                return original(values, *arguments, **keywords)
            number, self._number = self._number, self._number + 1
            is_kept = number == self._keep or self._only not in (None, number)
            # The new one may call the old one, and `F.sigmoid` calls that of the tensor.
            depth, self._number = self._number, None
            try:
                if is_kept:
                    return original(values, *arguments, **keywords)
                return self._activation(values)
            finally:
                self._number = depth

        return called
