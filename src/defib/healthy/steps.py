"""Steps of healthy trainings: schedules, clipping, accumulation, mixed precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from defib.training.setup import TrainingSetup

Step = Callable[[TrainingSetup, Tensor, Tensor], Tensor]


def forward(setup: TrainingSetup, inputs: Tensor, targets: Tensor) -> Tensor:
    return setup.loss_function(setup.model(inputs), targets)


def scheduled(make: Callable[[Optimizer], LRScheduler]) -> Callable[[TrainingSetup], Step]:
    """A step followed by one of the schedule, with clipping at a generous norm."""

    def of_setup(setup: TrainingSetup) -> Step:
        schedule = make(setup.optimizer)

        def step(setup: TrainingSetup, inputs: Tensor, targets: Tensor) -> Tensor:
            setup.optimizer.zero_grad()
            loss = forward(setup, inputs, targets)
            loss.backward()
            setup.optimizer.step()
            schedule.step()
            return loss

        return step

    return of_setup


def warm_up(optimizer: Optimizer) -> LRScheduler:
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 60))


def clipped(norm: float) -> Callable[[TrainingSetup], Step]:
    def step(setup: TrainingSetup, inputs: Tensor, targets: Tensor) -> Tensor:
        setup.optimizer.zero_grad()
        loss = forward(setup, inputs, targets)
        loss.backward()
        nn.utils.clip_grad_norm_(setup.model.parameters(), norm)
        setup.optimizer.step()
        return loss

    return lambda _: step


def clipped_values(limit: float) -> Callable[[TrainingSetup], Step]:
    def step(setup: TrainingSetup, inputs: Tensor, targets: Tensor) -> Tensor:
        setup.optimizer.zero_grad()
        loss = forward(setup, inputs, targets)
        loss.backward()
        nn.utils.clip_grad_value_(setup.model.parameters(), limit)
        setup.optimizer.step()
        return loss

    return lambda _: step


def accumulated(_: TrainingSetup) -> Step:
    """Four quarters of a batch, one step."""

    def step(setup: TrainingSetup, inputs: Tensor, targets: Tensor) -> Tensor:
        setup.optimizer.zero_grad()
        total = torch.zeros(())
        for part, wanted in zip(inputs.chunk(4), targets.chunk(4), strict=True):
            loss = forward(setup, part, wanted) / 4
            loss.backward()
            total = total + loss.detach()
        setup.optimizer.step()
        return total

    return step


def zeroed_last(setup: TrainingSetup) -> Step:
    """Gradients are set to zero after the step and not before, in place."""
    setup.optimizer.zero_grad(set_to_none=False)

    def step(setup: TrainingSetup, inputs: Tensor, targets: Tensor) -> Tensor:
        loss = forward(setup, inputs, targets)
        loss.backward()
        setup.optimizer.step()
        setup.optimizer.zero_grad(set_to_none=False)
        return loss

    return step


def half_precision(_: TrainingSetup) -> Step:
    def step(setup: TrainingSetup, inputs: Tensor, targets: Tensor) -> Tensor:
        setup.optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = forward(setup, inputs, targets)
        loss.backward()
        setup.optimizer.step()
        return loss

    return step


def by_closure(_: TrainingSetup) -> Step:
    def step(setup: TrainingSetup, inputs: Tensor, targets: Tensor) -> Tensor:
        def closure() -> Any:
            setup.optimizer.zero_grad()
            loss = forward(setup, inputs, targets)
            loss.backward()
            return loss

        loss: Any = setup.optimizer.step(closure)
        return loss

    return step


def penalized(_: TrainingSetup) -> Step:
    """Cross-entropy and an L1 penalty on the weights, summed."""

    def step(setup: TrainingSetup, inputs: Tensor, targets: Tensor) -> Tensor:
        setup.optimizer.zero_grad()
        penalty = torch.stack([each.abs().sum() for each in setup.model.parameters()]).sum()
        loss = forward(setup, inputs, targets) + 1e-5 * penalty
        loss.backward()
        setup.optimizer.step()
        return loss

    return step


def by_hand(_: TrainingSetup) -> Step:
    """The mean of single losses, and a loss for each example."""

    def step(setup: TrainingSetup, inputs: Tensor, targets: Tensor) -> Tensor:
        setup.optimizer.zero_grad()
        loss = F.cross_entropy(setup.model(inputs), targets, reduction="none").mean()
        loss.backward()
        setup.optimizer.step()
        return loss

    return step
