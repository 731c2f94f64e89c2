"""A memory of about ten steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from defib.fixes.base import Fix
from defib.fixes.hyperparameters import hyperparameter, set_hyperparameter
from defib.fixes.literals import with_argument
from defib.fixes.live_training import LiveTraining
from defib.fixes.step_size import optimizer_of
from defib.records.finding import Finding
from defib.records.run import RunRecord
from defib.records.site import Site

MOMENTUM = 0.9
BETAS = (0.9, 0.999)
"""Of torch's Adam, and of Kingma, Ba (2015)."""


@final
@dataclass(frozen=True)
class DefaultMomentum(Fix):
    """Momentum 0.9, and betas 0.9 and 0.999 for optimisers of Adam's kind.

    ## What it changes
    `momentum`, where there is one, and `betas` of every parameter group, before the first step.

    ## When it helps
    Where a momentum near 1 remembers hundreds of steps, or averages forget at once.

    ## References
    - Sutskever et al., *On the importance of initialization and momentum* (2013).
    """

    def connect(self, training: LiveTraining) -> None:
        set_hyperparameter(training, "momentum", _moderate, f"momentum {MOMENTUM:g}")
        set_hyperparameter(training, "betas", lambda _: BETAS, f"betas {BETAS}")

    def change(self, record: RunRecord, finding: Finding) -> str:
        del record, finding
        return f"momentum {MOMENTUM:g}, or betas {BETAS}"

    def site(self, record: RunRecord, finding: Finding) -> Site | None:
        return record.site_of_optimizer(optimizer_of(record, finding))

    def edited(self, code: str, record: RunRecord, finding: Finding) -> str | None:
        old = hyperparameter(record, finding, "momentum")
        return with_argument(code, ("momentum",), old, f"{MOMENTUM:g}")


def _moderate(momentum: Any) -> Any:
    return MOMENTUM if momentum else momentum
