"""Something more behind each hidden layer, without changing the network's structure.

The additions live in hooks: the names of the user's modules, and what a checkpoint of theirs
holds, stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from defib.discovery.keras_layers import is_training
from defib.fixes.layer_weights import LayerWeight, weights_of
from defib.fixes.live_training import LiveTraining
from defib.fixes.trial_pass import trial_pass

MakeModule = Callable[[Tensor], nn.Module | None]
"""A module to stand behind a layer with this output, whose units are on axis 1; `None` where it
does not fit."""


def add_after_hidden_layers(training: LiveTraining, make: MakeModule, what: str) -> None:
    """Have the output of each dense and convolutional layer but the last pass through a module.

    Their parameters join the optimiser of the network.
    """

    def change(model: nn.Module, inputs: tuple[Tensor, ...]) -> str:
        outputs = _outputs(model, inputs)
        added = 0
        for layer, output in outputs[:-1]:
            module = make(output.movedim(layer.unit_axis, 1))
            if module is None:
                continue
            module.to(output.device)
            layer.layer.register_forward_hook(_passing_through(module, layer.unit_axis))
            training.join(model, module.parameters())
            added += 1
        return f"{what} after {added} hidden layers" if added else ""

    training.on_model(change)


def _outputs(model: nn.Module, inputs: tuple[Tensor, ...]) -> list[tuple[LayerWeight, Tensor]]:
    """Each layer with what it gives for `inputs`, in the order of the forward pass."""
    if not inputs:
        return []
    found: dict[int, tuple[LayerWeight, Tensor]] = {}
    handles = []
    for each in weights_of(model):

        def keep(
            module: nn.Module, arguments: Any, output: Tensor, own: LayerWeight = each
        ) -> None:
            del arguments
            found.setdefault(id(module), (own, output.detach()))

        handles.append(each.layer.register_forward_hook(keep))
    trial_pass(model, inputs, handles)
    return list(found.values())


def _passing_through(module: nn.Module, unit_axis: int) -> Callable[..., Tensor]:
    def passed(layer: nn.Module, arguments: Any, output: Tensor) -> Tensor:
        del arguments
        module.train(is_training(layer))
        return module(output.movedim(unit_axis, 1)).movedim(1, unit_axis)

    return passed
