"""How much a fault has harmed a training: the severity where the fact alone may be harmless."""

from __future__ import annotations

from defib.records.finding import Severity
from defib.records.run import RunRecord
from defib.rules.base import CannotJudge
from defib.rules.course import Ending, courses
from defib.rules.failure import is_failing

LITTLE_GAIN = 0.3
"""Share of the loss of a constant prediction, or of the first one, in [0, 1], that a training
must have removed to count as one that learns. Of 251 healthy trainings
    (`defib.healthy`) all have but one regression (0.17) and three of reinforcement learning, whose
    loss is no measure."""


def learns_little(run: RunRecord, optimizer: str, *, gain: float = LITTLE_GAIN) -> bool:
    """Whether the loss of `optimizer` certainly fell by less than a share `gain`.

    False where the loss is good from the start, where there are several losses (none of them
    need fall), and where too few losses tell.
    """
    if is_failing(run, optimizer):
        return True
    if len(run.of("loss")) != 1:
        return False
    try:
        [course] = courses(run)
    except CannotJudge:
        return False
    return course.ending is not Ending.GOOD and course.trend.gain < gain


def severity_by_harm(
    run: RunRecord, optimizer: str, *, worst: Severity = Severity.ERROR
) -> Severity:
    """Information in a training that learns, a warning where it learns little, else `worst`."""
    if is_failing(run, optimizer):
        return worst
    return Severity.WARNING if learns_little(run, optimizer) else Severity.INFO
