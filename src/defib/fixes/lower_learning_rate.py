"""Smaller steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

from defib.fixes.learning_rate_fix import LearningRateFix
from defib.fixes.step_size import healthy_factor
from defib.records.finding import Finding
from defib.records.run import RunRecord
from defib.rules.learning_rate import LARGEST_HEALTHY_RATIO, rounded

LARGEST = 0.3
"""A smaller change than to a third is within what runs with one rate differ by."""
SMALLEST = 1e-4


@final
@dataclass(frozen=True)
class LowerLearningRate(LearningRateFix):
    """Smaller steps: the learning rate times a factor below 1.

    ## What it changes
    Every step is done with the script's own learning rate times the factor; schedules keep
    their shape. Nothing else is touched.

    ## When it helps
    Where steps are so large that they destroy what was learnt: a loss that jumps or grows,
    units that die, gradients that explode.

    ## Its value
    Without one, the factor at which the first steps would have moved the weights by 1 % of
    their norm, and then a tenth of that.

    ## References
    - Bengio, *Practical recommendations for gradient-based training* (2012).
    """

    meaning: ClassVar[str] = "factor for the learning rate, below 1"
    usual: ClassVar[float] = 0.1

    def candidates(self, record: RunRecord, finding: Finding) -> tuple[LowerLearningRate, ...]:
        factor = healthy_factor(record, finding, ratio=LARGEST_HEALTHY_RATIO)
        if not math.isfinite(factor) or factor > LARGEST:
            factor = self.usual
        factor = float(rounded(max(factor, SMALLEST)))
        return (LowerLearningRate(factor), LowerLearningRate(float(rounded(factor / 10))))
