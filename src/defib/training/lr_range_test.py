"""Trains with a growing learning rate, and leaves everything as it was."""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from defib.errors import UsageError
from defib.records.learning_rate_range import LearningRateRange, Sweep
from defib.training.range_curve import range_from
from defib.training.range_options import RangeOptions
from defib.training.range_stop import SweepRecorder, learning_rates
from defib.training.restoration import Restoration
from defib.training.steering import SteeredRates, momentum_of

# What a loader gives: anything.
Batch = Any

BatchLoss = Callable[[Batch], Tensor]


@final
@dataclass(frozen=True)
class RangeTraining:
    """What is trained. `batch_loss` gives the loss of a batch, from which backward is called."""

    model: nn.Module
    optimizer: Optimizer
    batch_loss: BatchLoss
    loader: Iterable[Batch]
    scaler: torch.amp.GradScaler | None = None
    state: tuple[object, ...] = ()
    """Further objects to put back: a loss function that is a module."""


def measure_range(training: RangeTraining, options: RangeOptions) -> LearningRateRange:
    """The answer of a range test; all that is trained is restored, whatever happens.

    What the user's code raises is raised, unless the training had diverged to numbers that
    are not finite: that ends the sweep.
    """
    begun = time.perf_counter()
    steered = SteeredRates()
    restoration = remembered(training)
    try:
        sweep = _swept(training, options, steered)
    finally:
        restoration.restore()
    return replace(
        range_from(sweep),
        groups=steered.groups,
        current=steered.reference,
        name=type(training.model).__name__,
        seconds=time.perf_counter() - begun,
    )


def remembered(training: RangeTraining) -> Restoration:
    """All that a training changes, as it is now."""
    restoration = Restoration()
    restoration.remember(training.model, training.optimizer, training.scaler, training.loader)
    restoration.remember(*training.state)
    return restoration


def _swept(training: RangeTraining, options: RangeOptions, steered: SteeredRates) -> Sweep:
    recorder = SweepRecorder(learning_rates(options.start, options.end, options.steps))
    steps = TrainingSteps(training, options.accumulation)
    while recorder.ending is None:
        steered.steer(training.optimizer, recorder.rate)
        try:
            loss = steps.take()
        except Exception:
            if recorder.steps == 0 or is_finite(training.model):
                raise
            # Some losses and distributions refuse what is not finite: this is a divergence.
            loss = math.nan
        finally:
            steered.release()
        if loss is None:
            break
        recorder.add(loss)
    if not recorder.steps:
        raise UsageError("Expected batches to train on, but the loader is empty.")
    return recorder.sweep(momentum_of(training.optimizer))


def is_finite(model: nn.Module) -> bool:
    """Whether every parameter is."""
    return all(bool(torch.isfinite(each).all()) for each in model.parameters())


@final
class TrainingSteps:
    """Takes optimiser steps on batch after batch; epoch after epoch, if `is_endless`."""

    def __init__(
        self, training: RangeTraining, accumulation: int, *, is_endless: bool = True
    ) -> None:
        self._training = training
        self._accumulation = accumulation
        self._batches = _endless(training.loader) if is_endless else iter(training.loader)
        self._needs_closure = any(
            each.default is inspect.Parameter.empty
            for each in inspect.signature(training.optimizer.step).parameters.values()
            if each.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        )
        if not training.model.training:
            training.model.train()

    def take(self) -> float | None:
        """The mean loss of the batches before the step; `None` if the loader gives no more."""
        batches = list(islice(self._batches, self._accumulation))
        if len(batches) < self._accumulation:
            return None
        losses: list[Tensor] = []
        scaler, optimizer = self._training.scaler, self._training.optimizer

        def closure() -> Tensor:
            losses.append(self._backward(batches))
            return losses[-1]

        if scaler is not None and scaler.is_enabled():
            closure()
            scaler.step(optimizer)
            scaler.update()
        elif self._needs_closure:
            optimizer.step(closure)  # pyright: ignore[reportCallIssue, reportArgumentType]
        else:
            closure()
            optimizer.step()
        return float(losses[0])

    def _backward(self, batches: list[Batch]) -> Tensor:
        self._training.optimizer.zero_grad()
        total = torch.zeros(())
        for batch in batches:
            loss = self._training.batch_loss(batch) / len(batches)
            scaler = self._training.scaler
            (loss if scaler is None else scaler.scale(loss)).backward()
            total = total + loss.detach().cpu()
        return total


def _endless(loader: Iterable[Batch]) -> Iterator[Batch]:
    """The batches of epoch after epoch; they end with an epoch that has none."""
    while True:
        is_empty = True
        for batch in loader:
            is_empty = False
            yield batch
        if is_empty:
            return
