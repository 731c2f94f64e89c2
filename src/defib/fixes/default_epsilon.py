"""An epsilon that only keeps from dividing by zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from defib.fixes.base import Fix
from defib.fixes.hyperparameters import hyperparameter, set_hyperparameter
from defib.fixes.literals import with_argument
from defib.fixes.live_training import LiveTraining
from defib.fixes.step_size import optimizer_of
from defib.records.finding import Finding
from defib.records.run import RunRecord
from defib.records.site import Site

DEFAULT = 1e-8
"""Of torch's Adam, AdamW and RMSprop, and of Kingma, Ba (2015)."""


@final
@dataclass(frozen=True)
class DefaultEpsilon(Fix):
    """The usual epsilon of adaptive optimisers, 1e-8.

    ## What it changes
    `eps` of every parameter group, before the first step.

    ## When it helps
    Where an epsilon outweighs the gradients, which makes Adam a slow gradient descent, or is so
    small that the square root of nearly nothing gives enormous steps.
    """

    def connect(self, training: LiveTraining) -> None:
        set_hyperparameter(training, "eps", lambda _: DEFAULT, f"epsilon {DEFAULT:g}")

    def change(self, record: RunRecord, finding: Finding) -> str:
        return f"eps {hyperparameter(record, finding, 'eps'):g} -> {DEFAULT:g}"

    def site(self, record: RunRecord, finding: Finding) -> Site | None:
        return record.site_of_optimizer(optimizer_of(record, finding))

    def edited(self, code: str, record: RunRecord, finding: Finding) -> str | None:
        old = hyperparameter(record, finding, "eps")
        return with_argument(code, ("eps", "epsilon"), old, f"{DEFAULT:g}")
