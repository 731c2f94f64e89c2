"""Larger steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

from defib.fixes.base import Fix
from defib.fixes.literals import with_argument
from defib.fixes.live_training import LiveTraining
from defib.fixes.step_size import (
    first_rate,
    healthy_factor,
    optimizer_of,
    scale_learning_rate,
)
from defib.records.finding import Finding
from defib.records.run import RunRecord
from defib.records.site import Site
from defib.rules.learning_rate import USUAL_RATIO, rounded

SMALLEST = 3.0
"""A smaller change is within what runs with one rate differ by."""


@final
@dataclass(frozen=True)
class RaiseLearningRate(Fix):
    """Larger steps: the learning rate times a factor above 1.

    ## What it changes
    Every step is done with the script's own learning rate times the factor; schedules keep
    their shape. Nothing else is touched.

    ## When it helps
    Where steps are so small that the run is too short for them to lead anywhere.

    ## Its value
    Without one, the factor at which steps move the weights by a thousandth of their norm, and
    then ten times that.

    ## References
    - CS231n notes, *Neural Networks Part 3*: a healthy ratio is about 1e-3.
    """

    meaning: ClassVar[str] = "factor for the learning rate, above 1"

    def connect(self, training: LiveTraining) -> None:
        factor = self.value or 10.0
        scale_learning_rate(training, lambda _: factor, f"learning rate times {factor:g}")

    def candidates(self, record: RunRecord, finding: Finding) -> tuple[RaiseLearningRate, ...]:
        factor = healthy_factor(record, finding, ratio=USUAL_RATIO)
        if not math.isfinite(factor) or factor < SMALLEST:
            factor = 10.0
        factor = float(rounded(factor))
        return (RaiseLearningRate(factor), RaiseLearningRate(factor * 10))

    def change(self, record: RunRecord, finding: Finding) -> str:
        rate = first_rate(record, finding)
        return f"learning rate {rate:g} -> {rounded(rate * (self.value or 10.0))}"

    def site(self, record: RunRecord, finding: Finding) -> Site | None:
        return record.site_of_optimizer(optimizer_of(record, finding))

    def edited(self, code: str, record: RunRecord, finding: Finding) -> str | None:
        rate = first_rate(record, finding)
        new = rounded(rate * (self.value or 10.0))
        return with_argument(code, ("lr", "learning_rate"), rate, new)
