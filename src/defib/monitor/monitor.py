"""Watches one training: takes events in, writes a record out.

The events come from hooks (`monitor.hooks`) or integrations. Between them the monitor
holds nothing of the user's but weak references and, on sampled steps, copies.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from defib.discovery.creation import Creations
from defib.discovery.graph import Graph, read_graph
from defib.discovery.losses import LossReading, read_loss
from defib.discovery.operation_sites import OperationSites
from defib.discovery.sites import calling_site
from defib.monitor.budget import Budget
from defib.monitor.evaluation import CallPath, Evaluations
from defib.monitor.facts import FactWriter
from defib.monitor.gradients import (
    Before,
    copy_before,
    observe_gradients,
    observe_step,
    total_norm,
)
from defib.monitor.jumps import JumpDetector
from defib.monitor.non_finite import find_origin
from defib.monitor.observation import (
    UnitActivity,
    observe_activations,
    observe_input,
    observe_loss,
)
from defib.monitor.sampling import FIRST_STEPS, Sampler
from defib.monitor.tracked import Optimizer, Tracked, TrackedOptimizer
from defib.monitor.transfer import Collector, LossBuffer, is_true, loss_value
from defib.records.run import Coverage, Event, RunEnding
from defib.records.site import Site
from defib.records.storage import RunWriter

FLUSH_SECONDS = 0.5
"""Losses are written at least this often: so much a killed run may lose."""
FLUSH_LOSSES = 512
"""Losses are written in blocks of at most this many."""


@final
@dataclass(frozen=True)
class Progress:
    """For a live display: steps so far, the last loss (`None` while on a device), overhead."""

    steps: int
    loss: float | None
    overhead: float


@final
class _Step:
    """The training step under way: from its first backward to its optimiser's step."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.losses: list[float | Tensor] = []
        self.collector: Collector | None = None
        self.graph: Graph | None = None
        self.reading: LossReading | None = None
        self.backward_site: Site | None = None
        self.carried: dict[str, Tensor] = {}
        self.before: Before | None = None
        self.spent_before = 0.0


@final
class Monitor:
    """The state of a watch. All methods are called in the training's own thread."""

    def __init__(
        self,
        writer: RunWriter,
        *,
        budget: Budget,
        creations: Creations,
        operation_sites: OperationSites | None = None,
        clock: Callable[[], float] = time.perf_counter,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self.writer = writer
        self.budget = budget
        self.clock = clock
        self.steps = 0
        self.tracked = Tracked(creations)
        self.creations = creations
        self._operation_sites = operation_sites
        self._sampler = Sampler(budget)
        self._jumps = JumpDetector()
        self._activity = UnitActivity()
        self._facts = FactWriter(writer, creations)
        self._evaluations = Evaluations()
        self._losses: dict[str, LossBuffer] = {}
        self._step = _Step(0)
        self._sampled_step: _Step | None = None
        self._stepped_without_backward: set[str] = set()
        self._last_loss: float | None = None
        self._non_finite_seen = False
        self._sampled = 0
        self._backward_calls = 0
        self._unreadable = 0
        self._opaque: dict[str, None] = {}
        self._failures = 0
        self._next_flush = 0.0
        self._on_progress = on_progress
        self._is_closed = False
        self.saved_tensor_hooks_seen = False

    # -- events of a training step ---------------------------------------------------------

    def before_backward(self, loss: Tensor) -> None:
        """`backward` is about to run on `loss`; its graph is still whole."""
        now = self.clock()
        self.budget.start(now)
        self._backward_calls += 1
        value = loss_value(loss)
        is_first = not self._step.losses
        self._step.losses.append(value)
        if is_first:
            self._begin(value, now)
        if self._step.collector is not None and loss.grad_fn is not None:
            self._observe_backward(loss)

    def before_step(self, optimizer: Optimizer, *, has_closure: bool = False) -> None:
        """`optimizer` is about to change its parameters."""
        if self.tracked.of(optimizer) is None:
            self.track([optimizer])
        self._share_sample(self._known(optimizer))
        # A closure runs backward inside the step: there are no gradients to look at yet.
        if self._step.collector is not None and not (has_closure and not self._step.losses):
            self._observe_gradients(self._known(optimizer))

    def after_step(self, optimizer: Optimizer) -> None:
        """`optimizer` has changed its parameters: the step is over."""
        known = self._known(optimizer)
        step = self._step
        if step.collector is not None:
            if step.before is None:
                self._observe_gradients(known)
            self._finish_sample(known)
        self._count(known)

    def skipped_step(self, optimizer: Optimizer) -> None:
        """A gradient scaler left a step out because a gradient was not finite."""
        self.event(Event("skipped-step", self.steps, {"optimizer": type(optimizer).__name__}))
        self._step = _Step(self.steps)

    def evaluated(
        self, path: CallPath, loss: Tensor, accuracy: Tensor | None, examples: int
    ) -> None:
        """A loss function was called without gradients, from the user's lines `path`."""
        self._evaluations.add(path, loss, accuracy, examples)

    # -- the end -----------------------------------------------------------------------------

    def close(self, ending: RunEnding, error: str = "") -> None:
        """Write all that is left. Later calls do nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        self._write_evaluations()
        self._flush(ending, error)
        self.writer.close()

    def flush(self) -> None:
        """Write the losses and totals so far."""
        if not self._is_closed:
            self._flush()

    def event(self, event: Event) -> None:
        """Record something that happened once, and keep its neighbourhood."""
        self.writer.pin(event.step)
        self.writer.write_event(event)

    def failed(self, place: str, error: Exception) -> None:
        """Something inside the monitor went wrong at `place`."""
        self._failures += 1
        self.event(
            Event(
                "monitor-failure",
                self.steps,
                {"place": place, "error": f"{type(error).__name__}: {error}"[:500]},
            )
        )

    # -- inside a step -----------------------------------------------------------------------

    def _begin(self, value: float | Tensor, now: float) -> None:
        if self._evaluations:
            self._write_evaluations()
        is_urgent = False
        if isinstance(value, float):
            self._last_loss = value
            is_urgent = self._jumps.is_jump(value)
        if self._sampled_step is not None:
            cost = self.budget.spent - self._sampled_step.spent_before
            self._sampler.sampled(self._sampled_step.index, cost)
            self._sampled_step = None
        if not self._sampler.wants(self.steps, now, is_urgent=is_urgent):
            return
        if is_urgent:
            self.writer.pin(self.steps)
        self._step.collector = Collector()
        self._step.spent_before = self.budget.spent
        self._sampled_step = self._step
        if not self.tracked.parameters:
            self.track([])
        for known in self.tracked.optimizers:
            left = [p.grad for p in known.parameters() if p.grad is not None]
            self._step.carried[known.name] = total_norm(left)

    def _share_sample(self, known: TrackedOptimizer) -> None:
        """A second optimiser that steps on one backward pass is sampled with the first."""
        first = self._sampled_step
        is_second = not self._step.losses and known.name not in self._stepped_without_backward
        if is_second and first is not None and first.index == self.steps - 1:
            self._step.collector = Collector()
            self._step.index = first.index

    def track(self, optimizers: Iterable[Optimizer]) -> None:
        """Know these optimisers, and all that were made since the watch began."""
        new = self.tracked.add(optimizers)
        if self.tracked.add_living() or new:
            self._facts.write_optimizers(self.tracked)

    def _observe_backward(self, loss: Tensor) -> None:
        step = self._step
        assert step.collector is not None
        if self._operation_sites is not None:
            self._operation_sites.stop()
        # Reading a tensor saved under the user's hooks would run the hooks (and, in a
        # checkpoint, the forward pass) once more.
        is_readable = not self.saved_tensor_hooks_seen
        self.saved_tensor_hooks_seen = False
        with torch.no_grad():
            graph = step.graph = read_graph(loss.grad_fn, self.tracked.layer_of_parameter)
            step.reading = read_loss(loss.grad_fn, with_tensors=is_readable)
            step.backward_site = calling_site()
            self._opaque |= dict.fromkeys(graph.opaque)
            self._facts.write_layers(graph, self.tracked)
            if not is_readable:
                self._unreadable += 1
                return
            observe_activations(graph, self._activity, step.collector)
            observe_input(graph, step.collector)
            if not is_true(torch.isfinite(loss.detach()).all()):
                self._find_non_finite(graph)

    def _find_non_finite(self, graph: Graph) -> None:
        if self._non_finite_seen:
            return
        self._non_finite_seen = True
        parameters = [(each.name, each.tensor) for each in self.tracked.parameters.values()]
        origin = find_origin(graph, parameters)
        # Parameters were spoilt by the step before.
        step = self.steps - 1 if origin.where == "parameter" else self.steps
        self.event(
            Event(
                "non-finite",
                max(step, 0),
                {
                    "where": origin.where,
                    "phase": origin.phase,
                    "layer": origin.layer,
                    "operation": origin.operation,
                },
                self._facts.site_of_operation(graph, origin.position),
            )
        )

    def _known(self, optimizer: Optimizer) -> TrackedOptimizer:
        known = self.tracked.of(optimizer)
        assert known is not None, "before_step tracks every optimiser"
        return known

    def _observe_gradients(self, known: TrackedOptimizer) -> None:
        step = self._step
        assert step.collector is not None
        with torch.no_grad():
            if step.reading is not None:
                self._facts.write_loss(step.reading, known.name, step.backward_site)
                observe_loss(step.reading, known.name, step.collector)
                step.reading = None
            parameters = self._named(known)
            total = observe_gradients(parameters, known.name, step.collector)
            if known.steps > 0 and known.name in step.carried:
                carried = step.carried[known.name].to(total.device) / total
                step.collector.add("carried_gradient_ratio", known.name, carried)
            step.before = copy_before(parameters)
        for metric, value in known.settings().items():
            step.collector.add(metric, known.name, value)

    def _named(self, known: TrackedOptimizer) -> list[tuple[str, Tensor]]:
        names = self.tracked.parameters
        return [
            (names[id(parameter)].name, parameter)
            for parameter in known.parameters()
            if id(parameter) in names
        ]

    def _finish_sample(self, known: TrackedOptimizer) -> None:
        step = self._step
        assert step.collector is not None
        with torch.no_grad():
            if step.before is not None:
                observe_step(step.before, step.collector)
            if step.graph is not None:
                self._facts.write_parameters(step.graph, self.tracked)
            if known.steps == 0:
                self._facts.write_step_site(known, calling_site())
            keys, values = step.collector.read()
        if keys:
            self.writer.write_sample(step.index, keys, values)
        self._sampled += 1

    def _count(self, known: TrackedOptimizer) -> None:
        losses = self._step.losses
        if losses or known.name in self._stepped_without_backward:
            buffer = self._losses.setdefault(known.name, LossBuffer())
            if losses:
                buffer.add(self.steps, losses[0] if len(losses) == 1 else _total(losses))
            self.steps += 1
            self._stepped_without_backward.clear()
        self._step = _Step(self.steps)
        self._stepped_without_backward.add(known.name)
        known.steps += 1
        self._trace_next_loss()
        now = self.clock()
        if now >= self._next_flush or self.steps % FLUSH_LOSSES == 0:
            self._flush()
            self._next_flush = now + FLUSH_SECONDS
            if self._on_progress is not None:
                overhead = self.budget.overhead(now)
                self._on_progress(Progress(self.steps, self._last_loss, overhead))

    def _trace_next_loss(self) -> None:
        """Have the sites of the next graph remembered, if it belongs to another optimiser."""
        waits = any(each.steps == 0 for each in self.tracked.optimizers)
        if self._operation_sites is not None and waits and self.steps < FIRST_STEPS:
            self._operation_sites.start()

    # -- writing -----------------------------------------------------------------------------

    def _write_evaluations(self) -> None:
        keys, values = self._evaluations.read()
        if keys:
            # What was evaluated are the weights that the last step left.
            self.writer.write_sample(max(self.steps - 1, 0), keys, values)

    def _flush(self, ending: RunEnding | None = None, error: str = "") -> None:
        for subject, buffer in self._losses.items():
            if len(buffer):
                self.writer.write_losses(subject, *buffer.read())
        now = self.clock()
        state: dict[str, Any] = {
            "steps": self.steps,
            "seconds": self.budget.elapsed(now),
            "monitor_seconds": self.budget.spent,
            "coverage": Coverage(
                sampled_steps=self._sampled,
                backward_calls=self._backward_calls,
                unreadable_steps=self._unreadable,
                opaque=tuple(self._opaque),
                failures=self._failures,
            ),
        }
        if ending is not None:
            state |= {"ending": ending, "error": error}
        self.writer.write_state(state)


def _total(losses: Sequence[float | Tensor]) -> float | Tensor:
    # The gradients of several backward calls add up, so the step's objective is their sum.
    return sum(losses[1:], start=losses[0])
