"""A training that sees one batch, again and again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from defib.records.finding import Finding, Severity
from defib.records.run import LoaderFact, RunRecord
from defib.records.series import Series
from defib.rules.base import CannotJudge, Rule
from defib.rules.data.training_loader import backward_site

FINGERPRINTS = ("input_mean", "input_std", "input_maximum", "target_mean", "target_std")
"""Numbers that two different batches share by chance only."""


@final
@dataclass(frozen=True)
class SameBatchEveryStep(Rule):
    """A training that sees one batch, again and again.

    ## What it detects
    Batches whose statistics are the same to the last bit at every recorded step, and a data
    loader that has more than one.

    ## Why it matters
    The network learns one batch by heart, and the rest of the data is never used: the training
    loss looks splendid. `next(iter(loader))` inside a loop begins a new pass each time; or the
    batch was fetched once, to try out, and the line was left in.

    ## How it is measured
    `input_mean`, `input_std`, `target_mean` and the like: their spread over the recorded steps
    (limit more than 0), over at least `min_samples` steps and two of these statistics.

    ## Known false positives
    None known, but for the test that fits one batch on purpose.

    ## What to change
    Iterate over the loader: `for batch in loader`.

    ## References
    - Karpathy, *A Recipe for Training Neural Networks* (2019): overfitting one batch is a test,
      and no training.
    """

    severity = Severity.WARNING
    requires = ("loss",)
    explains = (
        "overfitting",
        "label-ordered-batches",
        "class-imbalance",
        "evaluation-far-off",
        "overtraining",
    )
    fixes = ("iterate-loader",)

    min_samples: int = 6
    """Recorded steps, all of which must agree."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        found = [
            series.finite()
            for metric in FINGERPRINTS
            for subject, series in run.of(metric).items()
            if len(series.finite()) >= self.min_samples and _varies(run, metric, subject)
        ]
        if len(found) < 2:
            raise CannotJudge("inputs and targets have no statistics")
        loader = _largest_loader(run)
        if loader is None:
            raise CannotJudge("no data loader with a known number of batches was seen")
        labels = [each.finite() for each in run.of("label_count").values()]
        is_same = all(np.ptp(each.values) == 0 for each in (*found, *labels) if each)
        if loader.length and loader.length > 1 and is_same:
            yield self._finding(run, found[0], loader)

    def _finding(self, run: RunRecord, series: Series, loader: LoaderFact) -> Finding:
        [optimizer, *_] = run.of("loss")
        finding = self.found(
            f"The batch was the same at all {len(series)} recorded steps (limit 1), from step "
            f"{series.steps[0]} to {series.steps[-1]}; the loader has {loader.length}.",
            "Iterate over the loader (`for batch in loader`) instead of calling "
            "`next(iter(loader))`.",
            site=backward_site(run, optimizer),
            evidence={"recorded_steps": float(len(series)), "batches": float(loader.length or 0)},
        )
        return replace(finding, steps=(int(series.steps[0]), int(series.steps[-1])))


def _varies(run: RunRecord, metric: str, subject: str) -> bool:
    """Whether the numbers of one batch differ at all: of zeros, one batch is as another."""
    kind = metric.partition("_")[0]
    return run.of(f"{kind}_std").get(subject, Series.of(())).median() > 0


def _largest_loader(run: RunRecord) -> LoaderFact | None:
    known = [each for each in run.loaders if each.length is not None]
    return max(known, key=lambda each: each.length or 0, default=None)
