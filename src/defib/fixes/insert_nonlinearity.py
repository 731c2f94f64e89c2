"""Something that is not linear between layers that have nothing between them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn

from defib.discovery.keras_layers import has_activation
from defib.fixes.base import Fix
from defib.fixes.keras_spelling import spelled, trains_keras, with_added_activation
from defib.fixes.layer_weights import weights_of
from defib.fixes.live_training import LiveTraining
from defib.fixes.trial_pass import trial_pass
from defib.records.finding import Finding
from defib.records.run import RunRecord

# A layer alone in its line, with a comma behind it: an entry of a list or an `nn.Sequential`.
_LINE_OF_SEQUENCE = re.compile(r"(\s*)(nn\.(?:Linear|Conv[123]d)\([^()]*\),\s*)")


@final
@dataclass(frozen=True)
class InsertNonlinearity(Fix):
    """A ReLU after each layer that feeds the next one directly.

    ## What it changes
    The output of each dense or convolutional layer that another one receives as it is, or only
    reshaped, passes through a ReLU. The output of the network stays.

    ## When it helps
    Where several layers without a non-linearity between them do the work of one, and the task
    needs more than a linear function of the input.

    ## What it cannot do
    See layers that are called as functions of their weights, or what a network does that is
    called with keywords alone.

    ## References
    - Goodfellow, Bengio, Courville, *Deep Learning* (2016), section 6.1: learning XOR.
    """

    def connect(self, training: LiveTraining) -> None:
        def change(model: nn.Module, inputs: tuple[Tensor, ...]) -> str:
            layers = _feeding_directly(model, inputs) if inputs else []
            for layer in layers:
                layer.register_forward_hook(_rectified)
            plural = "s" if len(layers) > 1 else ""
            return f"ReLU after {len(layers)} layer{plural}" if layers else ""

        training.on_model(change)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del finding
        return spelled(
            record,
            "`nn.ReLU()` after each hidden layer",
            '`activation="relu"` in each hidden layer',
        )

    def edited(self, code: str, record: RunRecord, finding: Finding) -> str | None:
        del finding
        if trains_keras(record):
            return with_added_activation(code, "relu")
        found = _LINE_OF_SEQUENCE.fullmatch(code)
        return f"{found[1]}nn.ReLU(), {found[2]}" if found is not None else None


def _feeding_directly(model: nn.Module, inputs: tuple[Tensor, ...]) -> list[nn.Module]:
    """The layers whose output is the input of another one, in the same memory and unchanged."""
    outputs: dict[int, tuple[nn.Module, Tensor, int]] = {}
    found: dict[nn.Module, None] = {}

    def entered(layer: nn.Module, arguments: tuple[Any, ...]) -> None:
        del layer
        known = outputs.get(arguments[0].data_ptr()) if arguments else None
        # An operation in place, such as `nn.ReLU(inplace=True)`, counts the version up.
        is_unchanged = known is not None and known[1]._version == known[2]
        if known is not None and is_unchanged and known[1].numel() == arguments[0].numel():
            found[known[0]] = None

    def left(layer: nn.Module, arguments: tuple[Any, ...], output: Tensor) -> None:
        del arguments
        outputs[output.data_ptr()] = (layer, output, output._version)

    layers = [each.layer for each in weights_of(model)]
    linear = [layer for layer in layers if not has_activation(layer)]
    handles = [layer.register_forward_pre_hook(entered) for layer in layers]
    handles += [layer.register_forward_hook(left) for layer in linear]
    trial_pass(model, inputs, handles)
    return list(found)


def _rectified(layer: nn.Module, arguments: tuple[Any, ...], output: Tensor) -> Tensor:
    del layer, arguments
    return torch.relu(output)
