"""Weights that are scaled until each layer's output has variance 1 on a real batch."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn

from defib.discovery.keras_layers import holds_keras_layers, is_keras_layer
from defib.fixes.base import Fix
from defib.fixes.layer_weights import LayerWeight, weights_of
from defib.fixes.live_training import LiveTraining
from defib.fixes.trial_pass import trial_pass
from defib.records.finding import Finding
from defib.records.run import RunRecord

ROUNDS = 3
"""Rescalings of a layer; the first already gives variance 1 but for its bias."""


@final
@dataclass(frozen=True)
class UnitVarianceInitialization(Fix):
    """Orthogonal weights, scaled until each layer's output has variance 1 on the first batch.

    ## What it changes
    Before the first training step the weight matrices are drawn orthogonally and each is
    divided by the standard deviation of its layer's output, layer after layer; biases are zero.

    ## When it helps
    Where no formula fits the non-linearities or the connections of the network, or the input is
    not of unit scale.

    ## References
    - Mishkin, Matas, *All you need is a good init* (2016).
    """

    def connect(self, training: LiveTraining) -> None:
        training.on_model(_change)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del record, finding
        return "scale each weight matrix until its layer's output has variance 1 on a batch (LSUV)"


def _change(model: nn.Module, inputs: tuple[Tensor, ...]) -> str:
    found = weights_of(model)
    if not found or not inputs:
        return ""
    # A copy runs: batch norm must not count these batches, and hooks of the user's not fire.
    # Models of Keras cannot be copied in general, and leave batch norm alone by themselves.
    twin = model if holds_keras_layers(model) else copy.deepcopy(model)
    pairs = list(zip(found, weights_of(twin), strict=True))
    for _, copied in pairs:
        copied.draw(nn.init.orthogonal_)
    with torch.no_grad():
        for own, copied in pairs:
            for _ in range(ROUNDS):
                deviation = _output_deviation(twin, copied, inputs)
                if deviation > 0 and torch.isfinite(deviation):
                    copied.weight.div_(deviation)
            own.weight.copy_(copied.weight)
            if own.bias is not None:
                own.bias.zero_()
    return f"unit variance initialisation: {len(found)} layers"


def _output_deviation(model: nn.Module, weight: LayerWeight, inputs: tuple[Tensor, ...]) -> Tensor:
    seen: list[Tensor] = []

    def keep(module: nn.Module, arguments: Any, output: Tensor) -> None:
        del module, arguments
        seen.append(output.std())

    handle = weight.layer.register_forward_hook(keep)
    if is_keras_layer(model):
        trial_pass(model, inputs, [handle])
    else:
        try:
            model(*inputs)
        finally:
            handle.remove()
    return seen[0] if seen else torch.tensor(0.0)
