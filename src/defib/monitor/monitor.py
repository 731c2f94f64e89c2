"""Watches one training: takes events in, writes a record out.

The events come from hooks (`monitor.hooks`) or integrations. Between them the monitor
holds nothing of the user's but weak references and, on sampled steps, copies.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isfinite
from typing import Any, final

from torch import Tensor

from defib.discovery.creation import Creations
from defib.discovery.operation_sites import OperationSites
from defib.monitor.budget import Budget
from defib.monitor.data_wait import DataWait
from defib.monitor.evaluation import CallPath
from defib.monitor.guard import Guard
from defib.monitor.jumps import JumpDetector
from defib.monitor.observer import Observer, Sample
from defib.monitor.pace import Pace
from defib.monitor.passing_inputs import PassingInputs
from defib.monitor.pending import Pending
from defib.monitor.quiet_lane import QuietLane
from defib.monitor.sampling import FIRST_STEPS, Look, Sampler
from defib.monitor.tracked import Optimizer, TrackedOptimizer
from defib.monitor.transfer import loss_value
from defib.records.run import Event, RunEnding
from defib.records.storage import RunWriter


@final
@dataclass(frozen=True)
class Progress:
    """For a live display: steps so far, the last loss (`None` while on a device), overhead."""

    steps: int
    loss: float | None
    overhead: float


@final
class Monitor:
    """Counts steps, keeps the loss of each, and decides which are looked at closely.

    All methods are called in the training's own thread. A *step* begins with the first
    backward after an optimiser's step and ends with the next optimiser's step; further
    optimisers that step on the same backward belong to it.
    """

    def __init__(
        self,
        writer: RunWriter,
        *,
        budget: Budget,
        creations: Creations,
        guard: Guard,
        operation_sites: OperationSites | None = None,
        clock: Callable[[], float] = time.perf_counter,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self.writer = writer
        self.budget = budget
        self.clock = clock
        self.creations = creations
        self.observer = Observer(writer, creations, operation_sites, guard)
        self.steps = 0
        self.now = clock()
        """When the event began that is being taken in; its sender sets it."""
        self.lane = QuietLane(clock)
        self.data_wait = DataWait(clock)
        self.passing_inputs = PassingInputs(self.steps_taken)
        self._guard = guard
        self._on_progress = on_progress
        self._sampler = Sampler(budget)
        self._pace = Pace(self.now)
        self._jumps = JumpDetector()
        self._pending = Pending(writer, self.passing_inputs, guard)
        self._step_losses: list[float | Tensor] = []
        self._sample: Sample | None = None
        self._last_sample: Sample | None = None
        self._stepped_since_backward: set[str] = set()
        self._last_loss: float | None = None
        self._has_closure: bool | None = None
        self._backward_calls = 0
        self._is_closed = False

    # -- steps that are not looked at --------------------------------------------------------

    def steps_taken(self) -> int:
        """All steps so far: those in the lane are counted later."""
        return self.steps + len(self.lane.optimizers)

    def leave_lane(self) -> None:
        """Do what was put off for the steps that the lane took; it is closed afterwards."""
        lane = self.lane
        if not lane.is_open:
            return
        losses, optimizers = lane.losses, lane.optimizers
        self.budget.spent += lane.seconds
        lane.close()
        taken = iter(losses)
        for optimizer, turns in groupby(optimizers):
            # Most trainings have one optimiser: all turns are done at once.
            self._end_steps(self._known(optimizer), [next(taken) for _ in turns])
        self._step_losses.extend(taken)
        if losses:
            self._jumps.add(*losses)
            self._last_loss = losses[-1]
            self._backward_calls += len(losses)

    def _open_lane(self) -> None:
        quiet_steps = self._sampler.quiet_steps(self.steps, self.now)
        until = min(self._pending.next_flush, self._sampler.quiet_until)
        in_time = self._pace.steps_until(until, step=self.steps, now=self.now)
        if quiet_steps and self._last_sample is None and not self._step_losses:
            self.lane.open(
                until=until,
                room=min(quiet_steps, in_time),
                limit=self._jumps.limit,
                optimizers=self.observer.tracked.stepped(),
            )

    # -- events of a training step ---------------------------------------------------------

    def before_backward(self, loss: Tensor) -> None:
        """`backward` is about to run on `loss`; its graph is still whole."""
        now = self.now
        self.leave_lane()
        self.budget.start(now)
        self._backward_calls += 1
        is_first = not self._step_losses
        value = loss_value(loss)
        self._step_losses.append(value)
        if is_first:
            self._guard.run("examples", self.passing_inputs.trained)
            self._begin(value, now)
        elif self._sample is not None:
            self.observer.begin_again(self._sample)
        if self._sample is not None and loss.grad_fn is not None:
            self.observer.backward(self._sample, loss)

    def before_step(
        self,
        optimizer: Optimizer,
        *,
        has_closure: bool = False,
        gradient_factor: float | Tensor | None = None,
    ) -> None:
        """`optimizer` is about to change its parameters.

        With a `gradient_factor`, it multiplies the gradients with it first: it undoes a scale.
        """
        self.leave_lane()
        self._has_closure = has_closure and not self._step_losses
        known = self._known(optimizer)
        if self._sample is None:
            self._share_sample(known)
        # A closure runs backward inside the step: there are no gradients to look at yet.
        if self._sample is not None and (self._step_losses or not has_closure):
            self.observer.gradients(self._sample, known, gradient_factor)

    def after_step(
        self,
        optimizer: Optimizer,
        *,
        has_closure: bool = False,
        loss_factor: float | Tensor | None = None,
    ) -> None:
        """`optimizer` has changed its parameters: the step is over.

        With a `loss_factor`, it followed so many times the sum of the losses since its last
        step: it averages them, or undoes a scale.
        """
        self.leave_lane()
        if self._has_closure is None:
            # Nobody noticed the beginning of a step in the lane.
            self._has_closure = has_closure
        known = self._known(optimizer)
        sample, self._sample = self._sample, None
        if self.data_wait.is_on:
            self._guard.run("data wait", self._write_data_wait)
        if sample is not None:
            self._guard.run("sample", self._finish, sample, known)
        self._count(known, loss_factor)
        if sample is not None and not self.observer.is_opaque:
            self.passing_inputs.await_training()
        if sample is not None and sample.look is Look.FULL:
            # What this event takes joins the budget when it is over, and is no time of the step.
            self.data_wait.start(self.budget.spent + self.clock() - self.now)
        if loss_factor is None:
            self._open_lane()

    def skipped_step(self, optimizer: Optimizer) -> None:
        """A gradient scaler left a step out because a gradient was not finite."""
        self.leave_lane()
        self._sample = None
        self._step_losses = []
        kind = type(optimizer).__name__
        self.observer.event(Event("skipped-step", self.steps, {"optimizer": kind}))

    def evaluated(
        self,
        path: CallPath,
        loss: Tensor,
        accuracy: Tensor | None,
        examples: int,
        *,
        tallies: Tensor | None = None,
    ) -> None:
        """A loss function was called without gradients, from the user's lines `path`."""
        self.leave_lane()
        self._pending.evaluations.add(path, loss, accuracy, examples, tallies=tallies)
        self._guard.run("examples", self.passing_inputs.evaluated, path)

    def gradients_off(self) -> None:
        """Somebody switches gradients off."""
        # Between backward and step gradients are clipped, and nothing is evaluated.
        if not self.has_gradients and not self.observer.is_opaque:
            self.passing_inputs.without_gradients()

    @property
    def has_gradients(self) -> bool:
        """Whether `backward` has run since the last step."""
        return bool(self._step_losses) or self.lane.is_under_way

    # -- around the training -----------------------------------------------------------------

    def track(self, optimizers: Iterable[Optimizer]) -> None:
        """Know optimisers before they step for the first time."""
        self.observer.track(optimizers)

    def failed(self, place: str, error: Exception) -> None:
        """Something inside the monitor went wrong at `place`."""
        detail = {"place": place, "error": f"{type(error).__name__}: {error}"[:500]}
        self.observer.event(Event("monitor-failure", self.steps, detail))

    def flush(self) -> None:
        """Write the losses and totals so far."""
        if not self._is_closed:
            self.leave_lane()
            self._write_losses()
            self._write_state()

    def close(self, ending: RunEnding, error: str = "") -> None:
        """Write all that is left. Later calls do nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        self._guard.run("steps", self.leave_lane)
        self.observer.write_waiting()
        self._pending.close(self.steps)
        self._guard.run("totals", self._write_state, {"ending": ending, "error": error})
        self.writer.close()

    # -- inside a step -----------------------------------------------------------------------

    def _begin(self, value: float | Tensor, now: float) -> None:
        self._pending.write_evaluations(self.steps)
        is_urgent = False
        if isinstance(value, float):
            self._last_loss = value
            is_urgent = not value <= self._jumps.limit
            self._jumps.add(value)
        last, self._last_sample = self._last_sample, None
        if last is not None and last.look is Look.FULL:
            self._sampler.sampled(last.index, self.budget.spent - last.spent_before)
        look = self._sampler.look(self.steps, now, is_urgent=is_urgent)
        if is_urgent and self.observer.seeks_non_finite and not isfinite(self._last_loss or 0.0):
            # The graph that shows where the first bad value arose is here now, or never.
            look = Look.FULL
        if look is Look.NONE:
            return
        if is_urgent:
            self.writer.pin(self.steps)
        self._sample = self._last_sample = Sample(self.steps, look, self.budget.spent)
        self.observer.begin(self._sample)

    def _share_sample(self, known: TrackedOptimizer) -> None:
        """A second optimiser that steps on one backward pass is sampled with the first."""
        first = self._last_sample
        is_second = not self._step_losses and known.name not in self._stepped_since_backward
        if first is not None and is_second and first.index == self.steps - 1:
            self._sample = Sample(first.index, first.look, first.spent_before)

    def _known(self, optimizer: Optimizer) -> TrackedOptimizer:
        known = self.observer.tracked.of(optimizer)
        if known is None:
            self.observer.track([optimizer])
            known = self.observer.tracked.of(optimizer)
            assert known is not None, "an optimiser that is tracked is known"
        return known

    def _finish(self, sample: Sample, known: TrackedOptimizer) -> None:
        if not sample.has_gradients:
            self.observer.gradients(sample, known)
        self.observer.finish(sample, known)

    def _count(self, known: TrackedOptimizer, loss_factor: float | Tensor | None) -> None:
        losses = self._step_losses
        if losses or known.name in self._stepped_since_backward:
            values: list[float | Tensor] = []
            if losses:
                # Within a closure the same objective is evaluated again and again.
                is_single = len(losses) == 1 or self._has_closure
                total = losses[0] if is_single else _total(losses)
                values.append(total if loss_factor is None else total * loss_factor)
            self._end_steps(known, values)
        else:
            self._stepped_since_backward.add(known.name)
            known.steps += 1
        # Trainings that never call `backward` have no other end of an evaluation.
        self._pending.write_evaluations(self.steps)
        if self.steps < FIRST_STEPS:
            self._trace_next_loss()
        now = self.now
        if self._pending.is_due(self.steps, now):
            self._pending.postpone(now)
            self._write_losses()
            self._guard.run("totals", self._write_state)
            if self._on_progress is not None:
                progress = Progress(self.steps, self._last_loss, self.budget.overhead(now))
                self._guard.run("progress", self._on_progress, progress)

    def _end_steps(self, known: TrackedOptimizer, losses: Sequence[float | Tensor]) -> None:
        """Count a step of `known` for each loss, or one step of which no loss is known."""
        if losses:
            self._pending.add_losses(known.name, self.steps, losses)
            self._step_losses = []
        self._has_closure = None
        count = max(1, len(losses))
        self.steps += count
        known.steps += count
        self.observer.saved_tensor_hooks_seen = False
        self._stepped_since_backward = {known.name}

    def _trace_next_loss(self) -> None:
        """Have the sites of the next graph remembered, if it belongs to another optimiser."""
        if any(each.steps == 0 for each in self.observer.tracked.optimizers):
            self.observer.trace_operations()

    # -- writing -----------------------------------------------------------------------------

    def _write_data_wait(self) -> None:
        keys, values = self.data_wait.read(self.now, self.budget.spent)
        self.writer.write_sample(self.steps, keys, values)

    def _write_losses(self) -> None:
        self.observer.write_waiting()
        self._pending.write_losses()

    def _write_state(self, ending: dict[str, Any] | None = None) -> None:
        now = self.clock()
        self.writer.write_state(
            {
                "steps": self.steps,
                "seconds": self.budget.elapsed(now),
                "monitor_seconds": self.budget.cost(now),
                "coverage": self.observer.coverage(self._backward_calls),
                **(ending or {}),
            }
        )


def _total(losses: Sequence[float | Tensor]) -> float | Tensor:
    # The gradients of several backward calls add up, so the step's objective is their sum.
    return sum(losses[1:], start=losses[0])
