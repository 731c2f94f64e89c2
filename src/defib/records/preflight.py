"""What was measured of a training before its first step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import final

from defib.records.architecture import Architecture
from defib.records.finding import Cause, Finding, NotEvaluated, Status
from defib.records.run import LossFact, RunRecord
from defib.records.series import Series
from defib.records.site import Site


@final
@dataclass(frozen=True)
class LossCall:
    """A loss function as it was called for the first loss: its name in torch, and two shapes."""

    name: str
    prediction_shape: tuple[int, ...] = ()
    target_shape: tuple[int, ...] = ()
    prediction_type: str = "float32"
    target_type: str = "float32"
    site: Site | None = None


@final
@dataclass(frozen=True, eq=False)
class PreflightRecord:
    """A training at its first batch, before anything was changed.

    `facts` holds layers, parameters, optimisers, losses and loaders. `measurements` maps
    metric -> subject -> number, `sequences` metric -> subject -> one number for each batch or
    step of an experiment on copies. `not_measured` maps each metric that a probe could not
    measure to the reason. Metrics that a watched training records have the same names here.
    """

    script: str = ""
    network: str = ""
    facts: RunRecord = field(default_factory=RunRecord)
    loss_calls: tuple[LossCall, ...] = ()
    measurements: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    sequences: Mapping[str, Mapping[str, tuple[float, ...]]] = field(default_factory=dict)
    not_measured: Mapping[str, str] = field(default_factory=dict)
    architecture: Architecture | None = None
    seconds: float = 0.0
    """What the measuring took, beyond the script's own way to its first batch."""
    notes: tuple[str, ...] = ()

    def of(self, metric: str) -> Mapping[str, float]:
        """All values of `metric` by subject; empty where it was not measured."""
        return self.measurements.get(metric, {})

    def value(self, metric: str, subject: str = "") -> float:
        """One value; of the only subject where none is named. `nan` if not measured."""
        known = self.of(metric)
        if not subject and len(known) == 1:
            [subject] = known
        return known.get(subject, float("nan"))

    def sequence(self, metric: str, subject: str = "") -> tuple[float, ...]:
        """The values of an experiment; empty if it was not made."""
        known = self.sequences.get(metric, {})
        if not subject and len(known) == 1:
            [subject] = known
        return known.get(subject, ())

    @property
    def loss(self) -> LossFact | None:
        """The loss on which `backward` was about to be called."""
        return self.facts.losses[0] if self.facts.losses else None

    @cached_property
    def first_step(self) -> RunRecord:
        """The same as the record of a training of one step, for what judges both."""
        series = {
            metric: {subject: Series.of((value,)) for subject, value in subjects.items()}
            for metric, subjects in self.measurements.items()
        }
        for metric, subjects in self.sequences.items():
            series[metric] = {subject: Series.of(values) for subject, values in subjects.items()}
        return replace(self.facts, steps=1, series=series)


@final
@dataclass(frozen=True)
class Checkup:
    """The verdict before the first step: causes in the order in which to mend them.

    `passed` names the rules that judged and found nothing.
    """

    status: Status
    summary: str
    script: str = ""
    seconds: float = 0.0
    causes: tuple[Cause, ...] = ()
    passed: tuple[str, ...] = ()
    not_evaluated: tuple[NotEvaluated, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every finding: causes first, each followed by what it explains."""
        return tuple(
            finding
            for cause in self.causes
            for finding in (cause.finding, *cause.also, *cause.symptoms)
        )
