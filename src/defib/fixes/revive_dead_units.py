"""New weights for ReLU units that have died."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from defib.discovery.keras_layers import is_training
from defib.fixes.base import Fix
from defib.fixes.layer_weights import LayerWeight, weights_of
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord

USUAL_INTERVAL = 50


@final
@dataclass(frozen=True)
class ReviveDeadUnits(Fix):
    """Units that were negative for every example since the last look are drawn anew.

    ## What it changes
    Every so many steps, each hidden unit whose output was at most zero for all examples since
    the last look gets fresh incoming weights, a zero bias, and no memory in the optimiser.

    ## When it helps
    Where ReLU units have died and the cause is gone. Where it still acts, they die again.

    ## Its value
    Without one, every 50 steps.
    """

    meaning: ClassVar[str] = "steps between two looks"

    def connect(self, training: LiveTraining) -> None:
        interval = max(1, int(self.value or USUAL_INTERVAL))
        layers: dict[nn.Module, LayerWeight] = {}
        highest: dict[nn.Module, Tensor] = {}
        steps = 0

        def note(layer: nn.Module, arguments: Any, output: Tensor) -> None:
            del arguments
            if not is_training(layer):
                return
            most = output.detach().movedim(layers[layer].unit_axis, 0)
            most = most.reshape(len(most), -1).amax(1)
            highest[layer] = torch.maximum(highest[layer], most) if layer in highest else most

        def watch(model: nn.Module, inputs: tuple[Tensor, ...]) -> str:
            del inputs
            for each in weights_of(model)[:-1]:
                layers[each.layer] = each
                each.layer.register_forward_hook(note)
            return ""

        def look(optimizer: Optimizer) -> None:
            nonlocal steps
            steps += 1
            if steps % interval:
                return
            revived = sum(
                _revive(layers[layer], most <= 0, optimizer) for layer, most in highest.items()
            )
            highest.clear()
            training.did("looked for dead units")
            if revived:
                training.did(f"{revived} units revived")

        training.on_model(watch)
        training.after_step(look)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del record, finding
        return "draw the weights of dead units anew, once what killed them is gone"


def _revive(layer: LayerWeight, dead: Tensor, optimizer: Optimizer) -> int:
    count = int(dead.sum())
    if not count or len(layer.weight) != len(dead):
        return 0
    bias = layer.bias
    with torch.no_grad():
        fresh = torch.empty_like(layer.weight, memory_format=torch.contiguous_format)
        nn.init.kaiming_normal_(fresh, nonlinearity="relu")
        layer.weight[dead] = fresh[dead]
        if bias is not None:
            bias[dead] = 0
        for value in _memories(optimizer, layer.parameter):
            layer.arrange(value)[dead] = 0
        for value in _memories(optimizer, bias) if bias is not None else ():
            value[dead] = 0
    return count


def _memories(optimizer: Optimizer, parameter: Tensor) -> list[Tensor]:
    """What `optimizer` remembers of each number in `parameter`."""
    values = optimizer.state.get(parameter, {}).values()
    return [each for each in values if isinstance(each, Tensor) and each.shape == parameter.shape]
