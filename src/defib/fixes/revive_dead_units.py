"""New weights for ReLU units that have died."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from defib.fixes.base import Fix
from defib.fixes.layer_weights import weights_of
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
        highest: dict[nn.Module, Tensor] = {}
        steps = 0

        def note(layer: nn.Module, arguments: Any, output: Tensor) -> None:
            del arguments
            if not layer.training:
                return
            axes = [axis for axis in range(output.ndim) if axis != _unit_axis(layer, output)]
            most = output.detach().amax(axes)
            highest[layer] = torch.maximum(highest[layer], most) if layer in highest else most

        def watch(model: nn.Module, inputs: tuple[Tensor, ...]) -> str:
            del inputs
            for each in weights_of(model)[:-1]:
                each.layer.register_forward_hook(note)
            return ""

        def look(optimizer: Optimizer) -> None:
            nonlocal steps
            steps += 1
            if steps % interval:
                return
            revived = sum(_revive(layer, most <= 0, optimizer) for layer, most in highest.items())
            highest.clear()
            training.did("looked for dead units")
            if revived:
                training.did(f"{revived} units revived")

        training.on_model(watch)
        training.after_step(look)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del record, finding
        return "draw the weights of dead units anew, once what killed them is gone"


def _unit_axis(layer: nn.Module, output: Tensor) -> int:
    # Convolutions put their channels behind the batch, dense layers their units last.
    return output.ndim - 1 if isinstance(layer, nn.Linear) else 1


def _revive(layer: nn.Module, dead: Tensor, optimizer: Optimizer) -> int:
    count = int(dead.sum())
    parameters = [each for each in layer.parameters(recurse=False) if len(each) == len(dead)]
    if not count or len(parameters) == 0:
        return 0
    with torch.no_grad():
        for parameter in parameters:
            fresh = torch.zeros_like(parameter)
            if parameter.ndim > 1:
                nn.init.kaiming_normal_(fresh, nonlinearity="relu")
            parameter[dead] = fresh[dead]
            for value in optimizer.state.get(parameter, {}).values():
                if isinstance(value, Tensor) and value.shape == parameter.shape:
                    value[dead] = 0
    return count
