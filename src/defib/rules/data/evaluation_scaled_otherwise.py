"""Inputs of an evaluation on another scale than the training's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import PreflightRule


@final
@dataclass(frozen=True)
class EvaluationScaledOtherwise(PreflightRule):
    """Inputs of an evaluation on another scale than the training's.

    ## What it detects
    Another loader, which keeps its order, whose inputs have another mean or spread than the
    training's.

    ## Why it matters
    The network meets inputs that it was not trained on. The usual reason: only one of two data
    sets was standardised, or each by its own statistics, or one has pixels up to 255 and the
    other up to 1.

    ## How it is measured
    `mean_shift` (training's standard deviations) and `scale_ratio` (dimensionless) over up to 100
    batches of each loader.

    ## Known false positives
    Data of another source on purpose (a shift is what is evaluated).

    ## What to change
    Apply the same transformation, with the statistics of the training set, to all data.

    ## References
    - deepchecks documentation, *Feature Drift*.
    - Sculley et al., *Hidden Technical Debt in Machine Learning Systems* (2015).
    """

    severity = Severity.WARNING
    requires_preflight = ("mean_shift",)

    max_shift: float = 0.5
    """Difference of the means in standard deviations. Calibrated on the splits of the healthy
    trainings, which reach 0.118, `benchmarks/check_faults.py`."""
    max_ratio: float = 2.0
    """Standard deviation over the training's, or the other way round, dimensionless. Calibrated as
    `max_shift`; healthy splits stay within 1.1."""
    min_examples: float = 20.0
    """Examples below which nothing is said."""

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        site = next((each.site for each in record.facts.loaders if each.shuffle is False), None)

        for name, shift in record.of("mean_shift").items():
            ratio = record.of("scale_ratio").get(name, 1.0)
            if record.of("compared_examples").get(name, 0.0) < self.min_examples:
                continue
            if abs(shift) > self.max_shift or max(ratio, 1 / max(ratio, 1e-30)) > self.max_ratio:
                yield self.found(
                    "The inputs of a loader for evaluation differ from those of the training: "
                    "their "
                    f"mean by {shift:.2g} standard deviations (limit {self.max_shift:g}), their "
                    f"standard deviation {ratio:.2g} times (limit {self.max_ratio:g} times).",
                    "Apply the same transformation, with the statistics of the training set, to "
                    "both.",
                    site=site,
                    evidence={"mean_shift": shift, "scale_ratio": ratio},
                )
