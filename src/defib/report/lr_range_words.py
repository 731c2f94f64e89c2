"""Sentences about a learning-rate range test, for all its forms."""

from __future__ import annotations

from defib.records.learning_rate_range import LearningRateRange, Mark, Reason, SweepEnding, Verdict
from defib.report.quantities import number

_REASONS = {
    Reason.TOO_FEW_STEPS: "The curve has too few points to be judged: sweep with more steps.",
    Reason.FLAT: (
        "The loss does not fall by more than its noise. With more steps, or a larger batch, a "
        "descent may show; if not, something other than the learning rate keeps it from learning."
    ),
    Reason.RISES_AT_ONCE: (
        "The loss rises before it has fallen: begin the range lower, or look for another cause."
    ),
    Reason.FALLS_AT_START: (
        "The loss is steepest where the range begins: repeat with a lower start."
    ),
    Reason.FALLS_AT_END: (
        "The loss is steepest where the sweep ends: repeat with a higher end, or more steps."
    ),
    Reason.WIDE_STEEPEST: (
        "The steepest point is uncertain by more than 0.3 decades: repeat with more steps."
    ),
    Reason.WIDE_STABLE: (
        "The largest stable learning rate is uncertain by more than 0.3 decades: repeat with "
        "more steps."
    ),
}

_ENDINGS = {
    SweepEnding.COMPLETED: "The whole range was swept.",
    SweepEnding.DIVERGED: "It ended there because the loss diverged.",
    SweepEnding.NOT_FINITE: "It ended there because the loss was not finite.",
    SweepEnding.DATA_ENDED: "The training ended before the range did.",
}


def rate(value: float) -> str:
    """Two digits: more would be pretence."""
    return number(float(f"{value:.2g}"))


def spread(mark: Mark) -> str:
    """`0.003 to 0.0038`."""
    return f"{rate(mark.low)} to {rate(mark.high)}"


def summary(found: LearningRateRange) -> str:
    """The verdict, and the interval to choose from where there is one."""
    if found.conservative is None:
        return f"{found.verdict.value}."
    low, stable = rate(found.conservative.value), found.largest_stable
    if stable is None:
        return f"{found.verdict.value}: {low} is a conservative pick; no limit was reached."
    interval = f"{low} to {rate(stable.value)}"
    if found.verdict is Verdict.CLEAR_DESCENT:
        return f"{found.verdict.value}: choose a learning rate from {interval}."
    return f"{found.verdict.value}. Until then choose a learning rate from {interval}."


def suggestion(found: LearningRateRange) -> str:
    """The one learning rate to begin with; empty where no limit was reached, or no number."""
    if found.suggestion is None or found.largest_stable is None:
        return ""
    return f" Suggested is {rate(found.suggestion.value)}."


def reasons(found: LearningRateRange) -> tuple[str, ...]:
    """What keeps the verdict from being clear, and what to do."""
    return tuple(_REASONS[each] for each in found.reasons)


def marks(found: LearningRateRange) -> tuple[tuple[str, Mark], ...]:
    """The marks that there are, by name, as a rule the lowest first."""
    named = (
        ("conservative pick", found.conservative),
        ("steepest", found.steepest),
        ("suggestion", found.suggestion),
        ("largest stable", found.largest_stable),
    )
    return tuple((name, mark) for name, mark in named if mark is not None)


def place_of_current(found: LearningRateRange) -> str:
    """Where the training's own learning rate lies; empty where that cannot be said."""
    own, low, high = found.current, found.conservative, found.largest_stable
    if own is None or low is None:
        return ""
    if high is not None and own > high.value:
        return f"above the largest stable one, by a factor of {rate(own / high.value)}"
    if own < low.low:
        return f"below the conservative pick, by a factor of {rate(low.value / own)}"
    return "within the range" if high is not None else "at or above the conservative pick"


def ending(found: LearningRateRange) -> str:
    """Why the sweep took no further step."""
    return _ENDINGS[found.sweep.ending]
