"""Examples that are in the training's data and in those of an evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import isnan
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.records.run import RunRecord
from defib.records.site import Site
from defib.rules.base import CannotJudge, PreflightRule, Rule
from defib.rules.data.shared_examples import SharedExamples, shared_examples

REMEDY = "Remove duplicates before the split, and split by groups that belong together."


@final
@dataclass(frozen=True)
class EvaluationOnTrainingExamples(Rule, PreflightRule):
    """Examples that are in the training's data and in those of an evaluation.

    ## What it detects
    Inputs of an evaluation that are also among those of the training.

    ## Why it matters
    A network is then judged by what it has learnt by heart: the evaluation says nothing of new
    data. Usually the split was made after copies or augmentations, or at random over rows that
    belong together.

    ## How it is measured
    Before the first step: `shared_examples` (in [0, 1]): inputs of up to 100 batches of another
    loader, which keeps its order, that are equal to the last bit to one of up to 100 batches of
    the training's loader. Real numbers only: short sequences of tokens repeat by chance.

    In a run: the same share for each place that evaluates a loss, from fingerprints of the inputs
    that passed: of the first steps and of those that are looked at closely, and of the first pass
    of the evaluation. Nothing is read or run again. What is found is divided by the share of the
    training's examples that is known. Nothing is said where examples are equal as often within the
    sets, where nearly all of the training's examples are evaluated (its own error is watched), or
    where all of a place's examples are the training's and another place has new ones.

    ## Known false positives
    A part of the training's data, evaluated to watch the training's own error: told as information
    where all of its examples are in the training's. One line that evaluates a part of the training
    data and the validation data in turn.

    Not seen in a run: copies of rows made before a split at random, which are as frequent within
    the sets (before the first step they are seen), whole numbers, examples that are augmented anew
    each time, compiled networks, networks that are given keywords only, accuracies without a loss.

    ## What to change
    Remove duplicates before the split, and split by groups (patient, user, document).

    ## References
    - Kaufman, Rosset, Perlich, *Leakage in Data Mining* (2012).
    - Barz, Denzler, *Do We Train on Test Data?* (2020): 3.3 % of CIFAR-10's test images have a
      near-duplicate in training.
    """

    severity = Severity.WARNING
    requires = ("shared_examples",)
    requires_preflight = ("shared_examples",)
    explains = ("evaluation-beats-training",)

    max_share: float = 0.01
    """Share of the examples, in [0, 1]: a third of the duplicates in CIFAR-10's test data."""
    all_share: float = 0.99
    """Share from which on the loader is one over the training's own data."""
    min_examples: float = 20.0
    """Examples below which nothing is said."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        judged = [each for each in shared_examples(run) if each.compared >= self.min_examples]
        if not judged:
            raise CannotJudge(f"no evaluation of {self.min_examples:.0f} examples was compared")
        leaks = [each for each in judged if self.is_shared(each)]
        is_any_new = any(each.found <= self.max_share * each.compared for each in judged)
        for each in leaks:
            if not (each.may_be(self.all_share) and is_any_new):
                yield self._finding(run, each)

    def is_shared(self, seen: SharedExamples) -> bool:
        """Whether more of an evaluation's examples are the training's than may be by chance."""
        is_enough = seen.compared >= self.min_examples
        is_above = seen.found > self.max_share * seen.compared and not seen.is_by_chance
        return is_enough and is_above and not seen.is_of_the_training_set

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        site = next((each.site for each in record.facts.loaders if each.shuffle is False), None)

        for name, share in record.of("shared_examples").items():
            number = record.of("compared_examples").get(name, 0.0)
            if number >= self.min_examples and share > self.max_share:
                yield self.found(
                    f"{share:.1%} of {number:,.0f} examples of a loader for evaluation are also "
                    "among "
                    f"those of the training (limit {self.max_share:.0%}).",
                    REMEDY,
                    severity=Severity.INFO if share > self.all_share else None,
                    site=site,
                    evidence={"shared_examples": share},
                )

    def _finding(self, run: RunRecord, seen: SharedExamples) -> Finding:
        low, high = seen.interval
        estimate = f"{low:.0%} or more" if isnan(seen.coverage) else f"{low:.0%} to {high:.0%}"
        finding = self.found(
            f"{seen.found:,.0f} of {seen.compared:,.0f} examples that were evaluated "
            f"({seen.place}) are also among the {seen.training:,.0f} known of the training: "
            f"{estimate} of them all (limit {self.max_share:.0%}).",
            REMEDY,
            severity=Severity.INFO if seen.may_be(self.all_share) else None,
            site=_site(run),
            evidence={
                "shared_examples": seen.share,
                "shared_examples_at_least": low,
                "shared_examples_at_most": high,
                "by_chance_at_most": seen.by_chance / seen.compared,
            },
        )
        return replace(finding, steps=(0, max(run.steps - 1, 0)))


def _site(run: RunRecord) -> Site | None:
    return next((each.site for each in run.loaders if each.shuffle is False and each.site), None)
