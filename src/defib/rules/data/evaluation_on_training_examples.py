"""Examples that are in the training's data and in those of an evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import PreflightRule


@final
@dataclass(frozen=True)
class EvaluationOnTrainingExamples(PreflightRule):
    """Examples that are in the training's data and in those of an evaluation.

    ## What it detects
    Inputs of another loader, which keeps its order, that are also among the inputs of the
    training's loader.

    ## Why it matters
    A network is then judged by what it has learnt by heart: the evaluation says nothing of new
    data. Usually the split was made after copies or augmentations, or at random over rows that
    belong together.

    ## How it is measured
    `shared_examples` (in [0, 1]): inputs of up to 100 batches that are equal to the last bit to
    one of up to 100 batches of the training's loader. Real numbers only: short sequences of
    tokens repeat by chance.

    ## Known false positives
    A loader over a part of the training's data, made to watch the training's own error: told as
    information where all of its examples are in the training's.

    ## What to change
    Remove duplicates before the split, and split by groups (patient, user, document).

    ## References
    - Kaufman, Rosset, Perlich, *Leakage in Data Mining* (2012).
    - Barz, Denzler, *Do We Train on Test Data?* (2020): 3.3 % of CIFAR-10's test images have a
      near-duplicate in training.
    """

    severity = Severity.WARNING
    requires_preflight = ("shared_examples",)

    max_share: float = 0.01
    """Share of the examples, in [0, 1]: a third of the duplicates in CIFAR-10's test data."""
    all_share: float = 0.99
    """Share from which on the loader is one over the training's own data."""
    min_examples: float = 20.0
    """Examples below which nothing is said."""

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        site = next((each.site for each in record.facts.loaders if each.shuffle is False), None)

        for name, share in record.of("shared_examples").items():
            number = record.of("compared_examples").get(name, 0.0)
            if number >= self.min_examples and share > self.max_share:
                yield self.found(
                    f"{share:.1%} of {number:,.0f} examples of a loader for evaluation are also "
                    "among "
                    f"those of the training (limit {self.max_share:.0%}).",
                    "Remove duplicates before the split, and split by groups that belong together.",
                    severity=Severity.INFO if share > self.all_share else None,
                    site=site,
                    evidence={"shared_examples": share},
                )
