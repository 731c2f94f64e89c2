"""Targets that the output of the network cannot reach."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import final

import numpy as np

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.records.run import LossFact, RunRecord
from defib.records.series import Series
from defib.rules.base import CannotJudge, PreflightRule, Rule
from defib.rules.failure import is_failing
from defib.rules.fit import fits_badly
from defib.rules.weights import aligned

RANGES: Mapping[str, tuple[str, float, float]] = {
    "SigmoidBackward0": ("sigmoid", 0.0, 1.0),
    "HardsigmoidBackward0": ("hard sigmoid", 0.0, 1.0),
    "SoftmaxBackward0": ("softmax", 0.0, 1.0),
    "TanhBackward0": ("tanh", -1.0, 1.0),
    "ReluBackward0": ("ReLU", 0.0, inf),
    "SoftplusBackward0": ("softplus", 0.0, inf),
    "ExpBackward0": ("exponential", 0.0, inf),
}
"""Last operation before the loss -> its name and the range of its results."""
ERRORS_OF_NUMBERS = ("mean-squared-error", "mean-absolute-error", "smooth-l1", "huber")
_EMPTY = Series.of(())


@final
@dataclass(frozen=True)
class UnreachableTarget(Rule, PreflightRule):
    """Targets that the output of the network cannot reach.

    ## What it detects
    A last operation of bounded range (sigmoid, softmax, tanh, ReLU, ...) before an error of
    numbers, and targets some of which certainly lie outside that range.

    ## Why it matters
    The error of those targets never goes away. The training drives the last operation into
    its flat end, where its gradient vanishes, and the outputs become constant.

    ## How it is measured
    The operation that made what the loss function received, from the autograd graph, and the
    `target_mean` m and `target_std` s of each recorded batch. Numbers within [low, high] have
    low <= m <= high and s² <= (high - m) (m - low) (Bhatia and Davis); a batch that breaks this
    holds a target outside. At least `min_share` of the batches must break it.

    ## Known false positives
    A few outliers among the targets that the output is meant to cut off.

    ## What to change
    Remove the activation from the last layer, or scale the targets into its range.

    ## References
    - Bhatia, Davis, *A Better Bound on the Variance* (2000).
    - Wardat, Cruz, Le, Rajan, *DeepDiagnosis* (2022): targets outside the output's range.
    """

    severity = Severity.ERROR
    requires = ("target_mean", "target_std")
    requires_preflight = ("target_share_outside",)
    explains = (
        "saturated-activation",
        "loss-plateau",
        "constant-output",
        "dead-relu",
        "vanishing-gradient",
        "unscaled-target",
        "too-few-epochs",
        "learning-rate-too-low",
        "underfitting",
        "uneven-learning",
        "cannot-fit-one-batch",
        "input-not-used",
        "unsuitable-initialization",
    )
    fixes = ("remove-output-activation", "scale-targets")

    min_share: float = 0.3
    """Share of the recorded batches, in [0, 1], that certainly hold a target out of range:
    standardised targets put half of the batches' means below 0."""
    min_share_at_start: float = 0.05
    """Share of the targets of the first batch, in [0, 1], that lie out of range: the tails of
    scaled data may."""
    slack: float = 1e-3
    """Relative excess over the bound that rounding may explain, dimensionless."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        judged = [
            loss
            for loss in run.losses
            if loss.kind in ERRORS_OF_NUMBERS and loss.input_operation in RANGES
        ]
        if not judged:
            raise CannotJudge("no output of bounded range before an error of numbers")
        for loss in judged:
            means, deviations = aligned(
                run.of("target_mean").get(loss.optimizer, _EMPTY).finite(),
                run.of("target_std").get(loss.optimizer, _EMPTY).finite(),
            )
            if not means:
                continue
            _, low, high = RANGES[loss.input_operation]
            share = float(self._is_outside(means.values, deviations.values, low, high).mean())
            if share >= self.min_share:
                yield self._finding(run, loss, share, means)

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        loss = record.loss
        if loss is None or loss.kind not in ERRORS_OF_NUMBERS or loss.input_operation not in RANGES:
            raise CannotJudge("no output of bounded range before an error of numbers")
        name, low, high = RANGES[loss.input_operation]
        outside = record.of("target_share_outside")
        share = outside.get(f"below {low:g}", 0.0) + outside.get(f"above {high:g}", 0.0)
        if share > self.min_share_at_start:
            yield self.found(
                f"The output of the network is the result of a {name}, between {low:g} and "
                f"{high:g}; {share:.0%} of the targets of the first batch lie outside (limit "
                f"{self.min_share_at_start:.0%}).",
                f"Remove the {name} from the end of the network, or scale the targets into its "
                "range.",
                severity=Severity.ERROR if fits_badly(record) else Severity.WARNING,
                site=loss.input_site or loss.site,
                evidence={"share_of_targets": share},
            )

    def _is_outside(
        self, mean: np.ndarray, deviation: np.ndarray, low: float, high: float
    ) -> np.ndarray:
        is_outside = (mean < low) | (mean > high)
        if np.isfinite(high):
            bound = (high - mean) * (mean - low)
            is_outside |= deviation**2 > (1 + self.slack) * bound + self.slack
        return is_outside

    def _finding(self, run: RunRecord, loss: LossFact, share: float, means: Series) -> Finding:
        name, low, high = RANGES[loss.input_operation]
        failing = is_failing(run, loss.optimizer)
        finding = self.found(
            f"The output of the network is the result of a {name}, between {low:g} and {high:g}; "
            f"{share:.0%} of the recorded batches hold targets outside (limit "
            f"{self.min_share:.0%}), since step {means.steps[0]}.",
            f"Remove the {name} from the end of the network, or scale the targets into its range.",
            severity=Severity.ERROR if failing else Severity.WARNING,
            site=loss.input_site or loss.site,
            evidence={"share_of_batches": share, "target_mean": float(means.values.mean())},
        )
        return replace(finding, steps=(int(means.steps[0]), int(means.steps[-1])))
