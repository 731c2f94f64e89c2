"""Larger steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

from defib.fixes.learning_rate_fix import LearningRateFix
from defib.fixes.step_size import healthy_factor
from defib.records.finding import Finding
from defib.records.run import RunRecord
from defib.rules.learning_rate import USUAL_RATIO, rounded

SMALLEST = 3.0
"""A smaller change is within what runs with one rate differ by."""


@final
@dataclass(frozen=True)
class RaiseLearningRate(LearningRateFix):
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
    usual: ClassVar[float] = 10.0

    def candidates(self, record: RunRecord, finding: Finding) -> tuple[RaiseLearningRate, ...]:
        factor = healthy_factor(record, finding, ratio=USUAL_RATIO)
        if not math.isfinite(factor) or factor < SMALLEST:
            factor = self.usual
        factor = float(rounded(factor))
        return (RaiseLearningRate(factor), RaiseLearningRate(factor * 10))
