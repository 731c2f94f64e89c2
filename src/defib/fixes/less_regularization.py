"""Nothing that keeps a network from fitting its training data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from defib.fixes.base import Fix
from defib.fixes.live_training import LiveTraining
from defib.fixes.lower_dropout import LowerDropout
from defib.fixes.lower_weight_decay import LowerWeightDecay
from defib.records.finding import Finding
from defib.records.run import RunRecord


@final
@dataclass(frozen=True)
class LessRegularization(Fix):
    """No dropout and no weight decay.

    ## What it changes
    The probability of every dropout module and the weight decay of every parameter group are 0.

    ## When it helps
    Where a network that is large enough does not fit its training data. What it then lacks on
    other data is another question.
    """

    def connect(self, training: LiveTraining) -> None:
        LowerDropout(0.0).connect(training)
        LowerWeightDecay(0.0).connect(training)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del record, finding
        return "dropout 0 and weight decay 0"
