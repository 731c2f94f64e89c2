"""What fixes have in common that multiply the learning rate of every step with one number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from defib.fixes.base import Fix
from defib.fixes.literals import with_argument
from defib.fixes.live_training import LiveTraining
from defib.fixes.step_size import first_rate, optimizer_of, scale_learning_rate
from defib.records.finding import Finding
from defib.records.run import RunRecord
from defib.records.site import Site
from defib.rules.learning_rate import rounded


@dataclass(frozen=True)
class LearningRateFix(Fix):
    """`value` is the factor."""

    usual: ClassVar[float]
    """The factor where none is given."""

    @property
    def factor(self) -> float:
        return self.value or self.usual

    def connect(self, training: LiveTraining) -> None:
        text = f"learning rate times {self.factor:g}"
        scale_learning_rate(training, lambda _: self.factor, text)

    def change(self, record: RunRecord, finding: Finding) -> str:
        rate = first_rate(record, finding)
        return f"learning rate {rate:g} -> {rounded(rate * self.factor)}"

    def site(self, record: RunRecord, finding: Finding) -> Site | None:
        return record.site_of_optimizer(optimizer_of(record, finding))

    def edited(self, code: str, record: RunRecord, finding: Finding) -> str | None:
        rate = first_rate(record, finding)
        return with_argument(code, ("lr", "learning_rate"), rate, rounded(rate * self.factor))
