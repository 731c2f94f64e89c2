"""The learning rate that a short range test finds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.optim import Optimizer

from defib.discovery.keras_layers import holds_keras_layers, keras_tensors
from defib.fixes.base import Fix
from defib.fixes.keras_optimizer import KerasOptimizer
from defib.fixes.literals import with_argument
from defib.fixes.live_training import LiveTraining
from defib.fixes.step_size import first_rate, optimizer_of, scale_learning_rate
from defib.records.finding import Finding
from defib.records.learning_rate_range import LearningRateRange, Verdict
from defib.records.run import RunRecord
from defib.records.site import Site
from defib.training.range_curve import range_from
from defib.training.range_options import RangeOptions
from defib.training.range_stop import SweepRecorder, learning_rates
from defib.training.restoration import Restoration
from defib.training.steering import SteeredRates, momentum_of


@final
@dataclass(frozen=True)
class LearningRateByRangeTest(Fix):
    """The learning rate that a short range test finds.

    ## What it changes
    With a value every step is done with this learning rate, each parameter group in its
    proportion; schedules keep their shape.

    Without one the first steps of the script, 700 at most, are a range test: they are taken with
    learning rates from 1e-6 to 10. Then weights, buffers and the state of the optimiser are put
    back as they were, and the script trains on with the rate that was found. Nothing of the test
    is recorded. Where it gives no clear answer the rate stays the script's own.

    ## When it helps
    Where the learning rate is wrong, and what the first steps did does not tell by how much.

    ## How it is tried
    A proof makes the range test once, as a short trial of its own, and tries the rate that it
    finds on all seeds. Without a clear answer no rate is tried.

    ## What it cannot do
    Tell with which rate a training ends best: it tells with which it begins well. Without a value
    a schedule has gone on during the test, and its batches are over.

    ## References
    - Smith, *Cyclical Learning Rates for Training Neural Networks* (2017); `docs/lr-range.md`.
    """

    meaning: ClassVar[str] = "learning rate of the first parameter group"
    measuring_steps: ClassVar[int] = RangeOptions().steps

    def connect(self, training: LiveTraining) -> None:
        training.missing = "no optimiser stepped"
        if self.value is not None:
            train_with_rate(training, lambda: self.value)
            return
        _Sweep(training).connect()

    def change(self, record: RunRecord, finding: Finding) -> str:
        if self.value is None:
            return "the learning rate that `defib lr-range` finds"
        return f"learning rate {first_rate(record, finding):g} -> {self.value:g}"

    def site(self, record: RunRecord, finding: Finding) -> Site | None:
        return record.site_of_optimizer(optimizer_of(record, finding))

    def edited(self, code: str, record: RunRecord, finding: Finding) -> str | None:
        if self.value is None:
            return None
        rate = first_rate(record, finding)
        return with_argument(code, ("lr", "learning_rate"), rate, f"{self.value:g}")


def train_with_rate(training: LiveTraining, rate_of: Callable[[], float | None]) -> None:
    """Have every step taken with what `rate_of` gives; with the script's own while it is `None`."""
    own: list[float] = []

    def note(optimizer: Optimizer) -> None:
        if not own:
            groups = optimizer.param_groups
            rates = (float(each.get("initial_lr", each["lr"])) for each in groups)
            own.append(next((each for each in rates if each > 0), math.nan))

    def factor(_: int) -> float:
        rate = rate_of()
        return rate / own[0] if rate is not None else 1.0

    training.before_step(note)
    scale_learning_rate(training, factor, "learning rate of the range test")


@final
class _Sweep:
    """A range test in the first steps of a script."""

    def __init__(self, training: LiveTraining) -> None:
        options = RangeOptions()
        steps = min(training.planned_steps or options.steps, options.steps)
        # The last rate is followed by one step more, whose loss tells what it has done.
        rates = learning_rates(options.start, options.end, max(steps - 1, 1))
        self._training = training
        self._recorder = SweepRecorder(rates)
        self._planned = steps
        self._steered = SteeredRates()
        self._restoration = Restoration()
        self._optimizer: Optimizer | KerasOptimizer | None = None
        self._losses: list[float] = []
        self._within: list[float] = []
        self._is_stepping = False
        self._is_paused = False
        self._is_over = False
        self._is_restored = False
        self._rate: float | None = None

    def connect(self) -> None:
        training = self._training
        # First: it has to see the script's own rate, and not one of the test.
        train_with_rate(training, lambda: self._rate if self._is_restored else None)
        training.on_model(self._begin)
        training.before_step(self._before_step)
        training.after_step(self._after_step)
        training.replace_function(torch.autograd, "backward", self._wrap_backward)
        hook = register_module_forward_pre_hook(self._called)
        training.patches.add_undo(hook.remove)

    def _begin(self, model: nn.Module, inputs: tuple[Tensor, ...]) -> str:
        del inputs
        if self._is_over:
            return ""
        if not self._is_paused:
            self._is_paused = True
            self._training.pause_watch()
        if holds_keras_layers(model):
            # Of what Keras keeps besides, much cannot be emptied and filled again.
            self._restoration.remember(
                [*model.parameters(), *model.buffers(), *keras_tensors(model)]
            )
        else:
            self._restoration.remember(model)
        return ""

    def _called(self, module: nn.Module, arguments: Any) -> None:
        """The first call after the test: what it has changed is put back before it is used."""
        del module, arguments
        if self._is_over and not self._is_restored:
            self._is_restored = True
            self._restoration.restore()
            if self._is_paused:
                self._training.resume_watch()

    def _wrap_backward(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def backward(tensors: Any, *arguments: Any, **keywords: Any) -> Any:
            if not self._is_over:
                for loss in (tensors,) if isinstance(tensors, Tensor) else tuple(tensors):
                    self._note(float(loss.detach().float().mean()))
            return original(tensors, *arguments, **keywords)

        return backward

    def _note(self, loss: float) -> None:
        (self._within if self._is_stepping else self._losses).append(loss)
        if not math.isfinite(loss) and self._recorder.steps:
            # Now: a gradient scaler would skip this step, and every one that follows.
            self._add(loss)

    def _before_step(self, optimizer: Optimizer | KerasOptimizer) -> None:
        if self._is_over:
            return
        if self._optimizer is None:
            self._optimizer = optimizer
        self._restoration.remember(
            optimizer.tensors if isinstance(optimizer, KerasOptimizer) else optimizer
        )
        self._is_stepping = optimizer is self._optimizer
        self._steered.steer(optimizer, self._recorder.rate)

    def _after_step(self, optimizer: Optimizer | KerasOptimizer) -> None:
        self._steered.release()
        if self._is_over or optimizer is not self._optimizer:
            return
        self._is_stepping = False
        # A closure may compute the loss again and again: the first is that before the step.
        losses = self._losses or self._within[:1]
        self._losses, self._within = [], []
        if losses:
            self._add(math.fsum(losses) / len(losses))
        self._training.missing = (
            f"the training ended after {self._recorder.steps:,} of the {self._planned:,} steps of "
            "the range test"
        )

    def _add(self, loss: float) -> None:
        if not self._recorder.add(loss):
            return
        self._is_over = True
        momentum = _momentum_of(self._optimizer)
        found = range_from(self._recorder.sweep(momentum))
        rate = _chosen(found)
        if rate is None:
            reasons = ", ".join(each.value for each in found.reasons)
            self._training.failures.append(
                f"the range test gave no clear answer ({found.verdict.value.partition(':')[0]}: "
                f"{reasons or 'no rate'})"
            )
            return
        self._rate = self._training.found = rate
        self._training.did(f"range test over {self._recorder.steps:,} steps")


def _chosen(found: LearningRateRange) -> float | None:
    """The learning rate to train with; `None` unless the descent is clear."""
    mark = found.suggestion or found.conservative
    if found.verdict is not Verdict.CLEAR_DESCENT or mark is None:
        return None
    return float(f"{mark.value:.2g}")


def _momentum_of(optimizer: Optimizer | KerasOptimizer | None) -> float:
    """Of plain gradient descent; 0 for every other optimiser."""
    if not isinstance(optimizer, KerasOptimizer):
        return momentum_of(optimizer) if optimizer is not None else 0.0
    is_plain = not getattr(optimizer.optimizer, "nesterov", True)
    return float(optimizer.param_groups[0].get("momentum", 0.0)) if is_plain else 0.0
