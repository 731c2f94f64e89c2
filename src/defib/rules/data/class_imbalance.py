"""A network that answers with the most frequent class because the others are rare."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.records.run import RunRecord
from defib.records.series import Series
from defib.rules.base import CannotJudge, PreflightRule, Rule
from defib.rules.data.label_balance import minority_recall, perplexity
from defib.rules.data.label_order import label_counts
from defib.rules.trend import label_totals
from defib.rules.weights import aligned

MINIMUM_PAIRS = 10
"""Batches for a standard error of the gain over a constant prediction."""
_EMPTY = Series.of(())


@final
@dataclass(frozen=True)
class ClassImbalance(Rule, PreflightRule):
    """A network that answers with the most frequent class because the others are rare.

    ## What it detects
    Classes of very different frequency, and a network that to the end of the run puts every
    example into the most frequent one. Imbalance alone is no
    fault: before the first step it is information.

    ## Why it matters
    The most frequent class alone gives a high accuracy, so the collapse looks like success
    while not one rare example is recognised.

    ## How it is measured
    From `label_count` over all recorded batches: exp(entropy) / classes (in (0, 1], 1 if
    balanced) and largest over smallest count, over the classes seen. Collapse:
    `prediction_top_share` above `min_top_share`, with an `accuracy` that leaves at most
    `max_recall` of the rare examples recognised. Silent where the logits vary
    (`prediction_batch_std`), or where the loss is below that of the batch's mean prediction
    (`label_mix_loss`): such probabilities are of use even if none exceeds 1/2.

    ## Known false positives
    Rare classes that can hardly be predicted from the input.

    ## What to change
    Weight the classes in the loss or sample the rare ones more often; judge by recall per
    class and not by accuracy.

    ## References
    - Ben Braiek, Khomh, *TheDeepChecker* (2023): perplexity below 0.5.
    - Amazon SageMaker Debugger, rule ClassImbalance: ratio above 10.
    """

    severity = Severity.WARNING
    requires = ("label_count", "prediction_top_share", "accuracy")
    requires_preflight = ("label_count",)
    explains = ("loss-plateau",)
    fixes = ("class-weights", "balanced-sampler")

    min_perplexity: float = 0.5
    """exp(entropy of the labels) / classes, in (0, 1]. Source: TheDeepChecker."""
    max_count_ratio: float = 10.0
    """Most frequent over least frequent class, dimensionless. Source: SageMaker Debugger."""
    min_top_share: float = 0.99
    """Share of the batch in the most predicted class, in [0, 1]: a batch of 100 has at most
    one other answer. Calibrated on the healthy twins of the fault corpus,
    `benchmarks/calibration.py`."""
    max_recall: float = 0.1
    """Share of the rare examples recognised, in [0, 1]. Calibrated as `min_top_share`."""
    max_spread: float = 0.5
    """`prediction_batch_std` in nats, median of the last recorded steps: logits that vary
    by more change the odds 1.6-fold. Calibrated as `min_top_share`: collapsed networks of
    the corpus have 0.03-0.4, useful estimates of rare events 0.7 and more."""
    standard_errors: float = 4.0
    """By how many standard errors the loss is below that of the batch's mean prediction in a
    network that uses its input: one false call in 30,000 for normal noise."""
    patience: int = 3
    """Recorded steps."""
    min_stretch: float = 0.2
    """Share of the run, in [0, 1], over which the collapse must last at the end: every
    network begins by learning the class frequencies. Calibrated as `min_top_share`."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        if len(run.of("loss")) > 1:
            raise CannotJudge("several losses: their labels cannot be told apart")
        counts = np.array([count for count in label_totals(run).values() if count > 0])
        if len(counts) < 2 or not self._is_imbalanced(counts):
            return
        for optimizer, top in run.of("prediction_top_share").items():
            collapsed = top.finite().final_stretch_above(self.min_top_share)
            is_long = self._is_long(run, collapsed)
            if is_long and not self._uses_input(run, optimizer, int(collapsed.steps[0])):
                yield from self._judge(run, optimizer, counts, collapsed)

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        totals = [sum(each) for each in record.sequences.get("label_count", {}).values()]
        counts = np.array([each for each in totals if each > 0])
        if len(counts) >= 2 and self._is_imbalanced(counts):
            yield self.found(
                f"The most frequent class has {counts.max() / counts.min():.3g} times as many "
                f"examples as the rarest of {len(counts)} (limit {self.max_count_ratio:g} times), "
                f"in {counts.sum():,.0f} examples of the loader.",
                "Weight the classes in the loss or sample the rare ones more often; judge by "
                "recall per class.",
                severity=Severity.INFO,
                evidence={"largest_over_smallest": float(counts.max() / counts.min())},
            )

    def _is_imbalanced(self, counts: np.ndarray) -> bool:
        is_uneven = counts.max() / counts.min() > self.max_count_ratio
        return bool(is_uneven or perplexity(counts) < self.min_perplexity)

    def _is_long(self, run: RunRecord, collapsed: Series) -> bool:
        if len(collapsed) < self.patience:
            return False
        return run.steps - int(collapsed.steps[0]) >= self.min_stretch * run.steps

    def _uses_input(self, run: RunRecord, optimizer: str, first: int) -> bool:
        """Whether since step `first` the probabilities say more than the class frequencies."""
        spread = run.of("prediction_batch_std").get(optimizer, _EMPTY).finite()
        if spread and np.median(spread.values[-self.patience :]) > self.max_spread:
            return True
        # Losses of the same batches, so that their chance label mix cancels.
        losses, mixes = aligned(
            run.of("loss").get(optimizer, _EMPTY).finite(),
            run.of("label_mix_loss").get(optimizer, _EMPTY).finite(),
        )
        gains = (mixes.values - losses.values)[mixes.steps >= first]
        if len(gains) < MINIMUM_PAIRS:
            return False
        error = gains.std(ddof=1) / np.sqrt(len(gains))
        return bool(gains.mean() > self.standard_errors * error)

    def _judge(
        self, run: RunRecord, optimizer: str, counts: np.ndarray, collapsed: Series
    ) -> Iterator[Finding]:
        accuracy = run.of("accuracy").get(optimizer, _EMPTY)
        recall = minority_recall(label_counts(run), accuracy, int(collapsed.steps[0]))
        if not abs(recall) <= self.max_recall:
            return
        ratio = counts.max() / counts.min()
        share = counts.max() / counts.sum()
        yield Finding(
            rule=self.name(),
            severity=self.severity,
            site=run.site_of_optimizer(optimizer),
            steps=(int(collapsed.steps[0]), int(collapsed.steps[-1])),
            message=f"{collapsed.last:.0%} of the predictions are the most frequent class since "
            f"step {collapsed.steps[0]} (limit {self.min_top_share:.0%}). It has {share:.0%} of "
            f"the labels, {ratio:.0f} times as many as the rarest class (limit "
            f"{self.max_count_ratio:g}).",
            evidence={
                "prediction_top_share": collapsed.last,
                "count_ratio": float(ratio),
                "perplexity": perplexity(counts),
            },
            remedy="Weight the classes in the loss (`weight=` 1 / frequency, or `pos_weight=`) or "
            "draw rare ones more often (`WeightedRandomSampler`); look at the recall per class.",
            fixes=self.fixes,
        )
