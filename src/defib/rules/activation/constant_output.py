"""A network that gives the same output for every input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.records.run import RunRecord
from defib.records.series import Series
from defib.rules.base import NO_STEPS, CannotJudge, PreflightRule, Rule
from defib.rules.trend import label_totals, target_deviation


@final
@dataclass(frozen=True)
class ConstantOutput(Rule, PreflightRule):
    """A network that gives the same output for every input.

    ## What it detects
    Predictions that do not differ between the examples of a batch, at each of the last
    `patience` recorded steps.

    ## Why it matters
    The output does not depend on the input any more, so nothing can be learnt but a mean or
    the class frequencies. This is a symptom: other findings say why.

    ## How it is measured
    `prediction_batch_std`, the standard deviation over the batch, relative to what it would
    have to be: the standard deviation of the targets where they are numbers, 1 where the
    predictions are logits (a difference of 1 changes the odds e-fold), else the
    predictions' own scale (the larger of |mean| and standard deviation). Never
    below what rounding of a constant can show. Before the first step, the predictions for the
    first batch, and again after a copy was trained on it: a zero last layer moves at once.

    ## Known false positives
    Models of a constant (a single free parameter) whose loss function is not known. Targets
    that do not vary are left alone, as are batches of one example, which show no spread.

    ## What to change
    See the finding that explains this one. If there is none, look for a layer that loses
    its input: all units dead, a factor of 0, a softmax over one class.

    ## References
    - Ben Braiek, Khomh, *TheDeepChecker* (2023): outputs that do not vary over inputs.
    """

    severity = Severity.ERROR
    requires = ("prediction_batch_std", "prediction_mean")
    requires_preflight = ("prediction_batch_std", "fitted_prediction_batch_std")
    explains = ("loss-plateau", "cannot-fit-one-batch")
    is_symptom = True

    max_share: float = 1e-5
    """Spread over its scale, dimensionless. Calibrated on the healthy twins of the fault
    corpus, `benchmarks/calibration.py`: slow starters of 8 layers have 2e-4 and more, dead
    and vanishing networks 2e-7 and less."""
    rounding: float = 4.8e-7
    """Relative to |mean|, dimensionless: 4 units of rounding of float32 (IEEE 754)."""
    patience: int = 3
    """Consecutive recorded steps: a zero last layer is constant at its first one only."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        spreads = {name: each.finite() for name, each in run.of("prediction_batch_std").items()}
        if not any(spreads.values()):
            raise CannotJudge("every batch held one example: outputs cannot be compared")
        for optimizer, spread in spreads.items():
            limits = self._limits(run, optimizer, spread)
            constant = spread.final_stretch(spread.values < limits)
            if len(constant) >= self.patience:
                yield self._finding(run, optimizer, constant, float(limits[-1]))

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        run = record.first_step
        for optimizer, spread in run.of("prediction_batch_std").items():
            if not np.isfinite(spread.last):
                raise CannotJudge("the batch holds one example: outputs cannot be compared")
            [limit] = self._limits(run, optimizer, spread)
            later = record.value("fitted_prediction_batch_std")
            if max(spread.last, later) < limit:
                yield replace(self._finding(run, optimizer, spread, float(limit)), steps=NO_STEPS)

    def _limits(self, run: RunRecord, optimizer: str, spread: Series) -> np.ndarray:
        """The largest spread that still counts as constant, at each entry of `spread`."""
        mean = np.abs(_at(run, "prediction_mean", optimizer, spread))
        scale = _needed_scale(run, optimizer)
        if scale is None:
            own = np.fmax(mean, _at(run, "prediction_std", optimizer, spread))
            return np.maximum(self.max_share * own, np.finfo(np.float32).tiny)
        # Where the targets do not vary, a constant is right.
        return np.maximum(self.max_share * scale, self.rounding * mean) if scale > 0 else 0 * mean

    def _finding(self, run: RunRecord, optimizer: str, constant: Series, limit: float) -> Finding:
        loss = run.loss_of(optimizer)
        return Finding(
            rule=self.name(),
            severity=self.severity,
            site=loss.input_site or loss.site if loss else None,
            steps=(int(constant.steps[0]), int(constant.steps[-1])),
            message="The network gives the same output for every input since step "
            f"{constant.steps[0]}: over a batch its predictions have a standard deviation of "
            f"{constant.last:.2g} (limit {limit:.2g}).",
            evidence={"prediction_batch_std": constant.last, "limit": limit},
            remedy="Mend what explains this. If nothing does, look for the layer after which "
            "`activation_batch_std` is 0.",
            fixes=self.fixes,
        )


def _needed_scale(run: RunRecord, optimizer: str) -> float | None:
    """How much good predictions would differ; `None` where that is not known."""
    loss = run.loss_of(optimizer)
    if loss and loss.kind in ("cross-entropy", "negative-log-likelihood"):
        seen = [count for count in label_totals(run).values() if count > 0]
        return 0.0 if len(seen) == 1 else 1.0
    return target_deviation(run, optimizer)


def _at(run: RunRecord, metric: str, subject: str, other: Series) -> np.ndarray:
    """The values of a metric at the steps of `other`; `nan` where it has none."""
    values = np.full(len(other), np.nan)
    series = run.of(metric).get(subject)
    if series is not None:
        _, here, there = np.intersect1d(other.steps, series.steps, return_indices=True)
        values[here] = series.values[there]
    return values
