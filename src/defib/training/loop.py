"""A plain training loop."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice

import torch
from torch import Tensor

from defib.training.setup import Batch, TrainingSetup


def train(setup: TrainingSetup) -> tuple[float, ...]:
    """The training loss of every step, in the unit of the loss function."""
    step = setup.step or training_step
    losses: list[Tensor] = []
    setup.model.train()
    for inputs, targets in islice(_batches(setup), setup.steps):
        losses.append(step(setup, inputs, targets).detach())
        if len(losses) % setup.validation_interval == 0 or len(losses) == setup.steps:
            evaluate(setup)
    return tuple(torch.stack(losses).tolist()) if losses else ()


def training_step(setup: TrainingSetup, inputs: Tensor, targets: Tensor) -> Tensor:
    """The loss of a batch, before the step that it leads to."""
    setup.optimizer.zero_grad()
    loss = setup.loss_function(setup.model(inputs), targets)
    loss.backward()
    setup.optimizer.step()
    return loss


def evaluate(setup: TrainingSetup) -> Tensor | None:
    """The validation loss in evaluation mode; `None` without validation data."""
    if setup.validation is None:
        return None
    inputs, targets = setup.validation
    setup.model.eval()
    with torch.no_grad():
        loss = setup.loss_function(setup.model(inputs), targets)
    setup.model.train()
    return loss


def _batches(setup: TrainingSetup) -> Iterator[Batch]:
    for epoch in count():
        yield from setup.batches(epoch)
