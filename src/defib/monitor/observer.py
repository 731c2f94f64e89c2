"""Looks closely at sampled steps: what happens in one, from its backward to its end.

Each part is tried by itself: where one fails, the others still measure.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, final

import torch
from torch import Tensor

from defib.discovery.creation import Creations
from defib.discovery.graph import Graph, read_graph
from defib.discovery.losses import LossReading, read_loss
from defib.discovery.operation_sites import OperationSites
from defib.discovery.sites import calling_site
from defib.monitor.facts import FactWriter
from defib.monitor.gradients import (
    Before,
    copy_before,
    observe_gradients,
    observe_loose,
    observe_step,
    total_norm,
)
from defib.monitor.guard import Guard
from defib.monitor.loss_observation import observe_loss
from defib.monitor.memory import observe_memory
from defib.monitor.non_finite import find_origin
from defib.monitor.observation import (
    UnitActivity,
    observe_activations,
    observe_input,
)
from defib.monitor.predictions import Predictions
from defib.monitor.sampling import Look
from defib.monitor.tracked import Optimizer, Tracked, TrackedOptimizer
from defib.monitor.transfer import Collector, is_true
from defib.records.run import Coverage, Event
from defib.records.site import Site
from defib.records.storage import RunWriter

# `no_grad` is watched, and tells whenever somebody enters it.
_without_gradients = partial(torch.set_grad_enabled, False)


@final
class Sample:
    """What is measured of the step `index`; `spent_before` is the budget's use until then."""

    def __init__(self, index: int, look: Look, spent_before: float) -> None:
        self.index = index
        self.look = look
        self.spent_before = spent_before
        self.collector = Collector()
        self.graph: Graph | None = None
        self.reading: LossReading | None = None
        self.backward_site: Site | None = None
        self.carried: dict[str, Tensor] = {}
        self.left: list[TrackedOptimizer] = []
        """Optimisers with gradients that were there before the first backward of the step."""
        self.before: Before | None = None
        self.has_gradients = False


@final
class Observer:
    """Measures samples. Lives as long as the watch; a `Sample` lives for one step."""

    def __init__(
        self,
        writer: RunWriter,
        creations: Creations,
        operation_sites: OperationSites | None,
        guard: Guard,
    ) -> None:
        self.tracked = Tracked(creations)
        self.saved_tensor_hooks_seen = False
        self.seeks_non_finite = True
        """Whether the first non-finite value is still to come."""
        self._writer = writer
        self._operation_sites = operation_sites
        self._guard = guard
        self._facts = FactWriter(writer, creations)
        self._activity = UnitActivity()
        self._predictions = Predictions(writer)
        self._sampled = 0
        self._unreadable = 0
        self._opaque: dict[str, None] = {}

    @property
    def is_opaque(self) -> bool:
        """Whether a part of some step was hidden: compiled, or computed anew in its backward."""
        return bool(self._opaque)

    def coverage(self, backward_calls: int) -> Coverage:
        """What could and could not be seen so far."""
        return Coverage(
            sampled_steps=self._sampled,
            backward_calls=backward_calls,
            unreadable_steps=self._unreadable,
            opaque=tuple(self._opaque),
            failures=sum(self._guard.failures.values()),
        )

    def event(self, event: Event) -> None:
        """Record something that happened once, and keep its neighbourhood."""
        self._writer.pin(event.step)
        self._writer.write_event(event)

    def track(self, optimizers: Iterable[Optimizer]) -> None:
        """Know these optimisers, and all that were made since the watch began."""
        new = self.tracked.add(optimizers)
        if self.tracked.add_living() or new:
            self._try("optimiser facts", self._facts.write_optimizers, self.tracked)

    def trace_operations(self) -> None:
        """Have the user's lines remembered for the operations of the next forward pass."""
        if self._operation_sites is not None:
            self._operation_sites.start()

    # -- one sample ----------------------------------------------------------------------------

    def begin(self, sample: Sample) -> None:
        """The first backward of the step is about to run."""
        if not self.tracked.parameters:
            self._try("tracking", self.track, ())
        if sample.look is Look.FULL:
            self._try("left gradients", self._observe_left_gradients, sample)

    def begin_again(self, sample: Sample) -> None:
        """A further backward of the step is about to run."""
        if sample.left:
            with _without_gradients():
                self._try("left gradients", self._observe_still_left, sample)

    def backward(self, sample: Sample, loss: Tensor) -> None:
        """A backward of the step is about to run on `loss`, whose graph is still whole."""
        if self._operation_sites is not None:
            self._operation_sites.stop()
        # Reading a tensor saved under the user's hooks would run the hooks (and, in a
        # checkpoint, the forward pass) once more.
        is_readable = not self.saved_tensor_hooks_seen
        self._unreadable += not is_readable
        with _without_gradients():
            self._try("loss", self._read_loss, sample, loss, is_readable)
            if sample.look is Look.FULL:
                self._try("graph", self._read_graph, sample, loss)
            graph = sample.graph
            if graph is None:
                return
            self._try("layer facts", self._facts.write_layers, graph, self.tracked)
            if is_readable:
                into = sample.collector
                self._try("activations", observe_activations, graph, self._activity, into)
                self._try("input", observe_input, graph, into)
                self._try("non-finite values", self._find_non_finite, sample, graph, loss)

    def gradients(
        self, sample: Sample, known: TrackedOptimizer, factor: float | Tensor | None = None
    ) -> None:
        """`known` is about to step with the gradients that are there, times `factor`."""
        sample.has_gradients = True
        with _without_gradients():
            self._try("predictions", self._observe_loss, sample, known)
            if sample.look is Look.FULL:
                self._try("gradients", self._observe_gradients, sample, known, factor)
                self._try("parameters without optimizer", self._observe_loose, sample)
                self._try("settings", _observe_settings, sample, known)

    def write_waiting(self) -> None:
        """Measure and write what was put off."""
        with _without_gradients():
            self._try("predictions", self._predictions.write)

    def finish(self, sample: Sample, known: TrackedOptimizer) -> None:
        """`known` has stepped: write the sample."""
        with _without_gradients():
            if sample.before is not None:
                self._try("step", observe_step, sample.before, sample.collector)
            if sample.graph is not None:
                self._try(
                    "parameter facts", self._facts.write_parameters, sample.graph, self.tracked
                )
            if sample.look is Look.FULL:
                self._try("memory", observe_memory, sample.collector)
            if known.steps == 0:
                self._try("step site", self._facts.write_step_site, known, calling_site())
            keys, values = sample.collector.read()
        if keys:
            self._writer.write_sample(sample.index, keys, values)
        self._sampled += sample.look is Look.FULL
        # Nodes of the graph must not outlive the step.
        sample.graph = None

    def _try(self, place: str, action: Any, *arguments: Any) -> None:
        self._guard.run(place, action, *arguments)

    def _observe_left_gradients(self, sample: Sample) -> None:
        for known in self.tracked.optimizers:
            left = _gradients_of(known)
            sample.carried[known.name] = total_norm(left)
            if left:
                sample.left.append(known)

    def _observe_still_left(self, sample: Sample) -> None:
        """Gradients that were set to zero since the first backward are not carried over."""
        for known in sample.left:
            now, carried = total_norm(_gradients_of(known)), sample.carried[known.name]
            # No more is carried than is there; `fmin` takes a zero also for a `nan` before it.
            sample.carried[known.name] = torch.fmin(carried.to(now.device), now)

    def _read_graph(self, sample: Sample, loss: Tensor) -> None:
        graph = read_graph(loss.grad_fn, self.tracked.layer_of_parameter)
        if self.tracked.add_reached(graph):
            graph = read_graph(loss.grad_fn, self.tracked.layer_of_parameter)
        sample.graph = graph
        self._opaque |= dict.fromkeys(sample.graph.opaque)

    def _read_loss(self, sample: Sample, loss: Tensor, is_readable: bool) -> None:
        sample.reading = read_loss(loss.grad_fn, with_tensors=is_readable)
        sample.backward_site = calling_site()

    def _observe_loss(self, sample: Sample, known: TrackedOptimizer) -> None:
        reading, sample.reading = sample.reading, None
        if reading is None:
            return
        self._facts.write_loss(reading, known.name, sample.backward_site)
        if not self._predictions.take(sample.index, reading, known.name):
            observe_loss(reading, known.name, sample.collector)

    def _observe_gradients(
        self, sample: Sample, known: TrackedOptimizer, factor: float | Tensor | None
    ) -> None:
        names = self.tracked.parameters
        parameters = [
            (names[id(parameter)].name, parameter)
            for parameter in known.parameters()
            if id(parameter) in names
        ]
        arranged = {each.name: each.arrange for each in names.values() if each.arrange}
        total = observe_gradients(parameters, known.name, sample.collector, arranged, factor)
        if known.steps > 0 and known.name in sample.carried:
            carried = sample.carried[known.name].to(total.device) / total
            sample.collector.add("carried_gradient_ratio", known.name, carried)
        sample.before = copy_before(parameters)

    def _observe_loose(self, sample: Sample) -> None:
        """Somebody may update by hand what no optimiser holds."""
        loose = [
            (each.name, each.tensor)
            for key, each in self.tracked.parameters.items()
            if sample.graph is not None
            and key in sample.graph.reached
            and key not in self.tracked.optimizer_of_parameter
        ]
        observe_loose(loose, sample.collector)

    def _find_non_finite(self, sample: Sample, graph: Graph, loss: Tensor) -> None:
        if not self.seeks_non_finite or is_true(torch.isfinite(loss.detach()).all()):
            return
        self.seeks_non_finite = False
        parameters = [(each.name, each.tensor) for each in self.tracked.parameters.values()]
        origin = find_origin(graph, parameters)
        # Parameters were spoilt by the step before.
        step = sample.index - 1 if origin.where == "parameter" else sample.index
        detail = {
            "where": origin.where,
            "phase": origin.phase,
            "layer": origin.layer,
            "operation": origin.operation,
        }
        site = self._facts.site_of_operation(graph, origin.position)
        self.event(Event("non-finite", max(step, 0), detail, site))


def _observe_settings(sample: Sample, known: TrackedOptimizer) -> None:
    for metric, value in known.settings().items():
        sample.collector.add(metric, known.name, value)


def _gradients_of(known: TrackedOptimizer) -> list[Tensor]:
    return [each.grad for each in known.parameters() if each.grad is not None]
