"""Layers of Keras, which its torch backend makes as modules of torch.

Nothing here imports Keras: where a script has not done so, it has no such layer.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn

# Of a package that may be missing.
KerasLayer = Any
Arrange = Callable[[Tensor], Tensor]

_CONVOLUTIONS = ("Conv1D", "Conv2D", "Conv3D")
_TRANSPOSED = ("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")
_LINEAR = "linear"
READ_AS = "_defib_read_as"
"""Attribute of a loss that a fix has replaced: the name of Keras' function that it is now, and
its arguments."""


def units_last_moved(tensor: Tensor) -> Tensor:
    """Positions, inputs, units -> units, inputs, positions."""
    return tensor.movedim((-1, -2), (0, 1))


def inputs_last_moved(tensor: Tensor) -> Tensor:
    """Positions, units, inputs, as of transposed convolutions -> units, inputs, positions."""
    return tensor.movedim((-2, -1), (0, 1))


@final
@dataclass(frozen=True)
class KerasKernel:
    """What a dense or convolutional layer of Keras multiplies with, as Keras keeps it.

    `arrange` shows it, or anything of its shape, as [units, inputs, positions].
    """

    kernel: Tensor
    bias: Tensor | None
    arrange: Arrange
    has_units_last: bool
    """Whether its output has the units on the last axis; else they are behind the batch."""


def is_keras_layer(module: object) -> bool:
    """Whether `module` is a layer or a model of Keras."""
    keras = _keras()
    return keras is not None and isinstance(module, keras.Layer)


def is_placeholder(value: object) -> bool:
    """Whether Keras only finds out shapes with `value`, or with anything in it."""
    keras = _keras()
    if isinstance(value, Tensor):
        return value.is_meta
    if isinstance(value, list | tuple):
        return any(map(is_placeholder, value))
    if isinstance(value, dict):
        return any(map(is_placeholder, value.values()))
    return keras is not None and isinstance(value, keras.KerasTensor)


def modules_of(model: nn.Module) -> Iterator[nn.Module]:
    """`model` and all modules within, each once, as `modules()` gives them.

    Torch knows nothing of layers that Keras keeps: here they come in the order of Keras.
    """
    waiting, seen = [model], set[int]()
    while waiting:
        module = waiting.pop()
        if id(module) in seen:
            continue
        seen.add(id(module))
        yield module
        waiting.extend(reversed(_children(module)))


def holds_keras_layers(model: nn.Module) -> bool:
    """Whether `model` or anything in it is a layer of Keras."""
    return _keras() is not None and any(is_keras_layer(each) for each in modules_of(model))


def keras_kernel(module: nn.Module) -> KerasKernel | None:
    """Of a layer of Keras that is built; `None` for any other one, and for any other module."""
    keras = _keras()
    if keras is None or not isinstance(module, keras.Layer):
        return None
    layers = keras.layers
    is_dense = isinstance(module, layers.Dense)
    is_transposed = isinstance(module, tuple(getattr(layers, name) for name in _TRANSPOSED))
    convolutions = tuple(getattr(layers, name) for name in _CONVOLUTIONS)
    # Behind a property where it may be quantised.
    kernel = vars(module).get("_kernel", vars(module).get("kernel"))
    # Keras makes variables without numbers where it only finds out shapes.
    if kernel is None or not (is_dense or is_transposed or isinstance(module, convolutions)):
        return None
    bias: Any = module.bias
    return KerasKernel(
        _tensor(kernel),
        None if bias is None else _tensor(bias),
        inputs_last_moved if is_transposed else units_last_moved,
        is_dense or getattr(module, "data_format", "") == "channels_last",
    )


def has_activation(module: nn.Module) -> bool:
    """Whether a layer of Keras applies a non-linearity of its own to its output."""
    activation = getattr(module, "activation", None) if is_keras_layer(module) else None
    return activation is not None and getattr(activation, "__name__", "") != _LINEAR


def keras_layers_of(model: nn.Module, *names: str) -> list[KerasLayer]:
    """Layers in `model` of the classes `keras.layers.NAME`; those that are missing are skipped."""
    keras = _keras()
    if keras is None:
        return []
    kinds = tuple(getattr(keras.layers, name) for name in names if hasattr(keras.layers, name))
    return [each for each in modules_of(model) if isinstance(each, kinds)]


def keras_tensors(model: nn.Module, *, trained_only: bool = False) -> list[Tensor]:
    """What the layers of Keras in `model` keep as parameters of torch: also statistics, metrics
    and seeds, unless only what a layer trains, frozen or not, is asked for."""
    found: dict[int, Tensor] = {}
    for layer in keras_layers_of(model, "Layer"):
        # The public lists leave out what is frozen.
        variables = layer._trainable_variables if trained_only else layer.variables
        found |= {id(_tensor(each)): _tensor(each) for each in variables}
    return list(found.values())


def feature_axis(model: nn.Module, axes: int) -> int:
    """Which of the `axes` of an input of `model` tells the features apart: the channels."""
    keras = _keras()
    is_last = keras is not None and keras.config.image_data_format() == "channels_last"
    return axes - 1 if is_last and is_keras_layer(model) else 1


def is_training(module: nn.Module) -> bool:
    """Whether `module` is in training mode; Keras does not tell its layers by their mode, but
    computes no gradients where it does not train."""
    return torch.is_grad_enabled() if is_keras_layer(module) else module.training


def takes_training(model: nn.Module) -> bool:
    """Whether `model` is Keras' and is told by its argument `training` whether it trains."""
    return is_keras_layer(model) and bool(getattr(model, "_call_has_training_arg", False))


def evaluation_keywords(model: nn.Module, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """`keywords` of a call of `model` as they are where it does not train.

    Keras tells its layers by the argument `training` of the outermost one, not by `eval()`.
    """
    return {**keywords, "training": False} if is_keras_layer(model) else dict(keywords)


@contextmanager
def variables_lent(model: nn.Module) -> Iterator[Mapping[int, Tensor]]:
    """Each variable of Keras in `model` has a copy of its tensor meanwhile, which it may write to.

    Gives the copies by the identity of the tensors.
    """
    variables = {
        id(each): each
        for layer in keras_layers_of(model, "Layer")
        for each in layer.variables
        if each._value is not None
    }
    before = {key: each._value for key, each in variables.items()}
    copies = {id(each): _copied(each) for each in before.values()}
    try:
        for key, each in variables.items():
            each._value = copies[id(before[key])]
        yield copies
    finally:
        for key, each in variables.items():
            each._value = before[key]


def _copied(tensor: Tensor) -> Tensor:
    copied = tensor.detach().clone()
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(copied, requires_grad=tensor.requires_grad)
    return copied


def _keras() -> Any:
    """The package, if it is there with all that it holds; `None` where it is not."""
    keras = sys.modules.get("keras")
    return keras if hasattr(keras, "KerasTensor") and hasattr(keras, "Layer") else None


def _tensor(variable: Any) -> Tensor:
    # `value` is a copy of lower precision where a model that mixes them is being called.
    return variable.value if variable._value is None else variable._value


def _children(module: nn.Module) -> Sequence[nn.Module]:
    own = module.__dict__.get("_layers", ()) if is_keras_layer(module) else ()
    known = module.__dict__.get("_modules", {})
    return [*own, *(each for each in known.values() if each is not None)]
