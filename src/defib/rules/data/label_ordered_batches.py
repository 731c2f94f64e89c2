"""Batches whose labels follow the order of the data set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.records.run import RunRecord
from defib.rules.base import CannotJudge, PreflightRule, Rule
from defib.rules.data.label_order import (
    LabelCounts,
    SerialCorrelation,
    dispersion,
    forgets_at_changes,
    label_counts,
    serial_correlation,
)
from defib.rules.data.training_loader import backward_site, unshuffled_loader
from defib.rules.failure import is_failing


@final
@dataclass(frozen=True)
class LabelOrderedBatches(Rule, PreflightRule):
    """Batches whose labels follow the order of the data set.

    ## What it detects
    Consecutive batches with like labels: all examples of one class come before those of
    the next, or in long blocks.

    ## Why it matters
    During a block the same constant answer is right for every example. The network learns
    that answer, unlearns it in the next block, and the large one-sided steps kill ReLUs. A
    low training loss then only says that the network knows the label of the moment.

    ## How it is measured
    From `label_count`, the share of each class in each recorded batch. Serial correlation
    of the shares (dimensionless, 0 if shuffled): 1 - d / D, with d the mean squared distance
    of neighbouring batches and D that of any two; about 1 - 1/n for blocks of n batches.
    Dispersion (dimensionless, 1 if shuffled): the chi-square statistic of the
    batches against one common label mix, divided by its degrees of freedom; batches of
    under 8 examples are merged first. All limits must be exceeded. It is an error if the
    loss does not fall, or if it is above that of a constant prediction whenever the label
    changes. Before the first step, further batches are drawn from the loader by a
    new sampler with its settings.

    ## Known false positives
    Data that drift on purpose (continual learning, curricula). Few classes per batch,
    independent from batch to batch, are not reported. Not judged with several losses: their
    labels cannot be told apart.

    ## What to change
    Shuffle the examples anew in each epoch.

    ## References
    - von Neumann, *Distribution of the ratio of the mean square successive difference to
      the variance* (1941).
    - Bengio, *Practical recommendations for gradient-based training of deep architectures*
      (2012), section 3.1: the order of examples should be random.
    """

    severity = Severity.ERROR
    requires = ("label_count",)
    requires_preflight = ("label_count",)
    explains = (
        "dead-relu",
        "constant-output",
        "loss-plateau",
        "loss-divergence",
        "class-imbalance",
        "learning-rate-too-high",
    )
    fixes = ("shuffle",)

    max_correlation: float = 0.3
    """Serial correlation, dimensionless: that of blocks of one and a half batches, which
    still cost 8 points of test accuracy on 100 sorted classes. Calibrated on the healthy
    twins of the fault corpus, `benchmarks/calibration.py`."""
    standard_deviations: float = 3.5
    """By how many standard deviations of a shuffled order the correlation must exceed 0
    (von Neumann 1941): one false call in 4,000 for batches of few classes in random order;
    the other limits guard batches of shuffled examples."""
    max_dispersion: float = 3.0
    """Chi-square statistic over degrees of freedom, dimensionless; 1 if shuffled. Its standard
    deviation is at most sqrt(2 / 19) for 20 batches, so 3 is 6 of them (Pearson 1900)."""
    max_share: float = 0.1
    """Share of the labels' variance that lies between batches, in [0, 1]: below it an order
    that is significant in huge batches (text, pixels) is harmless. Calibrated on the
    healthy twins of the fault corpus, `benchmarks/calibration.py`."""
    min_batches: int = 20
    """Recorded batches, for the normal approximation of the serial correlation."""
    min_minority: int = 10
    """Examples outside the most frequent class: two rare ones that meet are no order."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        labels = self._labels(run)
        correlation, spread = serial_correlation(labels), dispersion(labels)
        if (
            correlation.value > self.max_correlation
            and correlation.deviations > self.standard_deviations
            and spread.ratio > self.max_dispersion
            and spread.share > self.max_share
        ):
            yield self._finding(run, labels, correlation, spread.ratio)

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        if not record.sequences.get("label_count"):
            raise CannotJudge(record.not_measured.get("label_count", "one batch shows no order"))
        seen = label_counts(record.first_step)
        classes = record.value("classes")
        if seen.counts.shape[1] == 1 and len(seen.steps) >= self.min_batches and classes > 1:
            yield self._single(record, seen)
        else:
            yield from self.check(record.first_step)

    def _single(self, record: PreflightRecord, seen: LabelCounts) -> Finding:
        loader = unshuffled_loader(record.facts, seen.batch_size)
        return self.found(
            f"All {seen.counts.sum():.0f} examples of the first {len(seen.steps)} batches have the "
            "same label (limit: at least 2 labels).",
            "Shuffle in each epoch: `DataLoader(..., shuffle=True)`.",
            site=loader.site if loader else None,
            evidence={"batches": len(seen.steps)},
        )

    def _labels(self, run: RunRecord) -> LabelCounts:
        if len(run.of("loss")) > 1:
            raise CannotJudge("several losses: their labels cannot be told apart")
        labels = label_counts(run)
        if len(labels.steps) < self.min_batches:
            raise CannotJudge(f"labels of fewer than {self.min_batches} batches were recorded")
        if labels.counts.shape[1] < 2:
            raise CannotJudge("all labels seen are the same")
        if labels.minority_examples < self.min_minority:
            raise CannotJudge(f"fewer than {self.min_minority} labels differ from the others")
        return labels

    def _finding(
        self,
        run: RunRecord,
        labels: LabelCounts,
        correlation: SerialCorrelation,
        ratio: float,
    ) -> Finding:
        loader = unshuffled_loader(run, labels.batch_size)
        optimizer = next(iter(run.of("loss")), "")
        is_error = is_failing(run, optimizer) or forgets_at_changes(run, optimizer, labels)
        return Finding(
            rule=self.name(),
            severity=Severity.ERROR if is_error else Severity.WARNING,
            site=(loader.site if loader else None) or backward_site(run, optimizer),
            steps=(int(labels.steps[0]), int(labels.steps[-1])),
            message="Consecutive batches have like labels since step "
            f"{labels.steps[0]}: the serial correlation of their label shares is "
            f"{correlation.value:.2f} (limit {self.max_correlation:g}), and the label mix varies "
            f"{ratio:.0f} times as much as in a shuffled order (limit {self.max_dispersion:g}).",
            evidence={"serial_correlation": correlation.value, "dispersion": ratio},
            remedy="Shuffle in each epoch: `DataLoader(..., shuffle=True)`."
            if loader
            else "Shuffle the examples in each epoch, for example by `torch.randperm(n)`.",
            fixes=self.fixes,
        )
