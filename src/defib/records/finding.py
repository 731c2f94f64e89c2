"""What rules say of a run, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import final

from defib.records.site import Site


class Severity(Enum):
    """How bad it is: `ERROR` keeps the network from training, `WARNING` harms, `INFO` tells."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def weight(self) -> int:
        return {"error": 0, "warning": 1, "info": 2}[self.value]


class Certainty(Enum):
    """`SUSPECTED` until an experiment (a re-run with and without a fix) decides."""

    SUSPECTED = "suspected"
    CONFIRMED = "confirmed"
    REFUTED = "refuted"


class Status(Enum):
    """The verdict on a run in one word."""

    HEALTHY = "healthy"
    FINDINGS = "findings"
    UNDECIDED = "undecided"
    NOT_TRAINED = "not-trained"


@final
@dataclass(frozen=True)
class Finding:
    """A fact that a rule reports: `message` holds the number and its limit.

    `steps` are the first and last optimiser step for which it holds. `remedy` says what to
    change, with the user's numbers; `fixes` names the remedies. `evidence` maps the name
    of a measured quantity to its value. `subject` is the series to show (a layer, a
    parameter, an optimiser).
    """

    rule: str
    severity: Severity
    message: str
    steps: tuple[int, int]
    layer: str = ""
    site: Site | None = None
    evidence: Mapping[str, float | str] = field(default_factory=dict)
    remedy: str = ""
    fixes: tuple[str, ...] = ()
    certainty: Certainty = Certainty.SUSPECTED


@final
@dataclass(frozen=True)
class NotEvaluated:
    """A rule that could not judge, and why."""

    rule: str
    reason: str


@final
@dataclass(frozen=True)
class Cause:
    """A finding that nothing else explains, with the findings that it explains."""

    finding: Finding
    symptoms: tuple[Finding, ...] = ()
    also: tuple[Finding, ...] = ()
    """Further findings of the same rule (other layers)."""


@final
@dataclass(frozen=True)
class Diagnosis:
    """Causes in the order in which to mend them, and what could not be judged.

    `undecided_between` names the rules among which the record does not decide.
    """

    status: Status
    summary: str
    script: str = ""
    steps: int = 0
    seconds: float = 0.0
    overhead: float = 0.0
    causes: tuple[Cause, ...] = ()
    not_evaluated: tuple[NotEvaluated, ...] = ()
    undecided_between: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What the monitor itself lost or could not see, in plain sentences."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every finding: causes first, each followed by what it explains."""
        return tuple(
            finding
            for cause in self.causes
            for finding in (cause.finding, *cause.also, *cause.symptoms)
        )
