"""Everything that one training consists of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import final

from torch import Tensor, nn
from torch.optim import Optimizer

Batch = tuple[Tensor, Tensor]
"""Inputs and targets."""


@final
@dataclass(frozen=True)
class TrainingSetup:
    """A training that is ready to run. `name` tells set-ups apart that differ in anything.

    `batches` gives the batches of an epoch (from 0). `step` does one optimiser step on a
    batch and returns the loss: the place at which a training loop itself can be wrong.
    """

    name: str
    model: nn.Module
    optimizer: Optimizer
    loss_function: Callable[[Tensor, Tensor], Tensor]
    batches: Callable[[int], Iterable[Batch]]
    steps: int
    validation: Batch | None = None
    validation_interval: int = 50
    """Steps between two evaluations; one more follows the last step."""
    step: Callable[[TrainingSetup, Tensor, Tensor], Tensor] | None = None
    """`training_step` where it is `None`."""
