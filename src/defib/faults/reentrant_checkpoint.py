"""A network inside a reentrant checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from defib.faults.base import Fault
from defib.faults.tasks import (
    DIGITS_CONVOLUTIONAL,
    DIGITS_DENSE,
    TUMOURS,
    WAVES,
    Task,
    set_up,
)
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class ReentrantCheckpoint(Fault):
    """`checkpoint(..., use_reentrant=True)` to save memory: its graph hides what is inside."""

    rule = "monitor-blind"
    tasks: ClassVar[tuple[Task, ...]] = (DIGITS_DENSE, DIGITS_CONVOLUTIONAL, TUMOURS, WAVES)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(replace(task, network=lambda: _Checkpointed(task.network())), seed)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)


class _Checkpointed(nn.Module):
    """A network whose activations are computed anew in the backward pass."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: Tensor) -> Tensor:
        if not self.training:
            return self.network(inputs)
        # A reentrant checkpoint gives gradients only if its input asks for one.
        result = checkpoint(self.network, inputs.clone().requires_grad_(), use_reentrant=True)
        assert isinstance(result, Tensor)
        return result
