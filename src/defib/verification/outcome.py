"""Reads out of a trial's record what is compared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from defib.diagnosis import diagnose
from defib.errors import RunDirectoryError
from defib.records.reading import read_run
from defib.records.run import RunEnding, RunRecord
from defib.records.series import Series
from defib.records.trial import Trial, TrialEnding, TrialResult
from defib.rules.trend import constant_prediction_loss
from defib.script.rerun import FIX_EVENT, REFUSED_WRITE_EVENT
from defib.verification.curves import curves_of, thinned

LAST_PART = 0.2
"""Share of a trial's steps over which the objective is averaged: long enough to smooth over the
batches, short enough to be the end."""
RARE_PART = 0.5
"""The same where examples of rare classes are counted: a fifth may hold none."""
FIRST_PART = 0.02


def result_of(trial: Trial, directory: Path, ending: TrialEnding, reason: str) -> TrialResult:
    """What the record in `directory` tells of `trial`, whose process ended so."""
    result = TrialResult(trial, ending, reason if ending is not TrialEnding.TRAINED else "")
    try:
        record = read_run(directory)
    except RunDirectoryError as error:
        return replace(result, ending=TrialEnding.RAISED, reason=reason or str(error))
    found = (each.detail.get("found") for each in record.events if each.kind == FIX_EVENT)
    result = replace(
        with_measurements(result, record),
        found=next((float(each) for each in found if each is not None), float("nan")),
        refused_writes=tuple(
            str(each.detail["path"]) for each in record.events if each.kind == REFUSED_WRITE_EVENT
        ),
    )
    if ending is TrialEnding.TIMED_OUT and record.steps >= trial.steps:
        ending = TrialEnding.TRAINED  # It hung only after it had trained.
    if ending is TrialEnding.TRAINED and record.ending is RunEnding.RAISED:
        return replace(result, ending=TrialEnding.RAISED, reason=record.error)
    if ending is not TrialEnding.TRAINED:
        return result
    return _void_unless_active(result, record)


def _void_unless_active(result: TrialResult, record: RunRecord) -> TrialResult:
    """Void where a fix was not active: what happened then is not its doing."""
    done = {str(e.detail["fix"]): e.detail for e in record.events if e.kind == FIX_EVENT}
    result = replace(result, done="; ".join(str(each["done"]) for each in done.values()))
    for fix in result.trial.fixes:
        detail = done.get(fix, {})
        if not detail.get("times") and (record.steps or detail.get("failures")):
            reason = str(detail.get("failures") or "it found nothing to change")
            return replace(result, ending=TrialEnding.VOID, reason=f"{fix}: {reason}")
    if record.steps == 0:
        return replace(result, ending=TrialEnding.VOID, reason="nothing was trained")
    return result


def with_measurements(result: TrialResult, record: RunRecord) -> TrialResult:
    """`result` with what `record`, or a part of it, tells."""
    losses = next(iter(record.of("loss").values()), Series.of([]))
    findings = diagnose(record).findings
    curve = thinned(losses)
    level = _average(losses.part(1 - LAST_PART, 1.0))
    constant = constant_prediction_loss(record, next(iter(record.of("loss")), "")) or float("nan")
    return replace(
        result,
        steps=record.steps,
        seconds=record.seconds,
        start=_average(losses.part(0.0, max(FIRST_PART, 1 / max(len(losses), 1)))),
        level=level,
        relative_level=level / constant,
        accuracy=next(iter(_ends(record, "accuracy")), float("nan")),
        balanced_accuracy=_balanced_accuracy(record),
        # Of several places that evaluate, the worst: the others see the training data again.
        evaluation_loss=max(_ends(record, "evaluation_loss"), default=float("nan")),
        evaluation_accuracy=_worst_end(record, "evaluation_accuracy"),
        evaluation_balanced_accuracy=_worst_end(record, "evaluation_balanced_accuracy"),
        rules=tuple(dict.fromkeys(each.rule for each in findings)),
        curve_steps=tuple(int(step) for step in curve.steps),
        curve_losses=tuple(float(value) for value in curve.values),
        dead_units=_largest_last(record.of("dead_unit_fraction").values()),
        gradient_ratio=_gradient_ratio(record),
        curves=curves_of(record, constant),
    )


def _average(losses: Series) -> float:
    """The mean; infinite where a loss is not finite, since no such training is a good one."""
    if not losses:
        return float("nan")
    return float(losses.values.mean()) if np.isfinite(losses.values).all() else float("inf")


def _ends(record: RunRecord, metric: str) -> list[float]:
    """Where each series of `metric` ended."""
    # Batches differ: several are taken together.
    return [
        each.part(1 - LAST_PART, 1.0).mean() if len(each) >= 5 else each.last
        for each in record.of(metric).values()
        if each
    ]


def _worst_end(record: RunRecord, metric: str) -> float:
    return min(_ends(record, metric), default=float("nan"))


def _balanced_accuracy(record: RunRecord) -> float:
    """Mean recall of the classes over the later batches; `nan` where it was not seen."""
    recognized = record.of("label_recognized")
    sizes = {label: _late_total(each) for label, each in record.of("label_count").items()}
    recalls = [
        _late_total(recognized[label]) / size
        for label, size in sizes.items()
        if size > 0 and label in recognized
    ]
    return float(np.mean(recalls)) if len(recalls) > 1 else float("nan")


def _late_total(series: Series) -> float:
    return float(series.part(1 - RARE_PART, 1.0).values.sum())


def _largest_last(series: Iterable[Series]) -> float:
    return max((each.last for each in series if each), default=float("nan"))


def _gradient_ratio(record: RunRecord) -> float:
    norms = record.of("gradient_norm")
    weights = [
        each.name for each in record.parameters if len(each.shape) > 1 and each.name in norms
    ]
    if len(weights) < 2:
        return float("nan")
    first, last = (norms[name].part(0.5, 1.0).median() for name in (weights[0], weights[-1]))
    return first / last if last > 0 else float("nan")
