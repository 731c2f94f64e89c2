"""An output that can take any value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import Tensor, nn

from defib.discovery.keras_layers import modules_of
from defib.fixes.activation_swap import output_activation, skip_call
from defib.fixes.base import Fix
from defib.fixes.keras_spelling import spelled, trains_keras, with_activation
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord

KINDS = ("relu", "sigmoid", "tanh")


@final
@dataclass(frozen=True)
class RemoveOutputActivation(Fix):
    """No non-linearity on the output of the network.

    ## What it changes
    A ReLU, sigmoid or tanh that gives the network's output, module or function, is left out.

    ## When it helps
    Where the targets lie outside of what that function can give.
    """

    def connect(self, training: LiveTraining) -> None:
        def change(model: nn.Module, inputs: tuple[Tensor, ...]) -> str:
            output = output_activation(model, inputs, KINDS)
            if output.module is not None:
                _leave_out(model, output.module)
            elif output.call is not None:
                skip_call(training, model, KINDS, output.call)
            else:
                return ""
            return "activation of the output left out"

        training.on_model(change)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del finding
        return spelled(
            record, "no activation behind the last layer", "no `activation=` in the last layer"
        )

    def edited(self, code: str, record: RunRecord, finding: Finding) -> str | None:
        del finding
        return with_activation(code, KINDS, "") if trains_keras(record) else None


def _leave_out(model: nn.Module, activation: nn.Module) -> None:
    for parent in list(modules_of(model)):
        for name, module in parent._modules.items():
            if module is activation:
                parent._modules[name] = nn.Identity()
