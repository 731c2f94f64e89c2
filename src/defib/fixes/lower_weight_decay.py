"""Weaker weight decay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from defib.fixes.base import Fix
from defib.fixes.hyperparameters import hyperparameter, set_hyperparameter
from defib.fixes.literals import with_argument
from defib.fixes.live_training import LiveTraining
from defib.fixes.step_size import optimizer_of
from defib.records.finding import Finding
from defib.records.run import RunRecord
from defib.records.site import Site

USUAL = 0.01
"""A hundredth: what overwhelms the data is wrong by orders of magnitude."""


@final
@dataclass(frozen=True)
class LowerWeightDecay(Fix):
    """Weaker weight decay: the optimiser's times a factor below 1.

    ## What it changes
    The weight decay of every parameter group, before the first step.

    ## When it helps
    Where the decay outweighs what the data say and the weights shrink to nothing.
    """

    meaning: ClassVar[str] = "factor for the weight decay, in [0, 1)"

    def connect(self, training: LiveTraining) -> None:
        factor = USUAL if self.value is None else self.value
        what = f"weight decay times {factor:g}"
        set_hyperparameter(training, "weight_decay", lambda decay: decay * factor, what)

    def change(self, record: RunRecord, finding: Finding) -> str:
        old, new = self._values(record, finding)
        return f"weight decay {old:g} -> {new:g}"

    def site(self, record: RunRecord, finding: Finding) -> Site | None:
        return record.site_of_optimizer(optimizer_of(record, finding))

    def edited(self, code: str, record: RunRecord, finding: Finding) -> str | None:
        old, new = self._values(record, finding)
        return with_argument(code, ("weight_decay",), old, f"{new:g}")

    def _values(self, record: RunRecord, finding: Finding) -> tuple[float, float]:
        old = hyperparameter(record, finding, "weight_decay")
        return old, old * (USUAL if self.value is None else self.value)
