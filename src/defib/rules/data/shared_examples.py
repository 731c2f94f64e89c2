"""What an evaluation has in common with the training, as the record of a run tells it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.run import RunRecord

LIKELY = 1.96
"""Standard errors of an interval of 95 %."""
WHOLE = 0.8
"""Share of the known training examples that an evaluation over all of them has to meet, over what
is known of its own: one on a copied validation set meets a third of them or less."""
ENOUGH_KNOWN = 10.0
"""Examples seen again, under which their share is too uncertain to be reckoned with."""


@final
@dataclass(frozen=True)
class SharedExamples:
    """Of one place that evaluates; counts of examples."""

    place: str
    compared: float
    """Known of the evaluation, of the `passed` in one pass."""
    passed: float
    found: float
    """Of the compared ones those that are also among the known of the training."""
    training: float
    """Known of the training, all different."""
    coverage: float
    """Share of the training's examples that is known, in [0, 1]; `nan` where that is not known."""
    met: float
    """Share of the known training examples that are among the compared ones."""
    counted: float
    """Examples of the training from which `coverage` was estimated."""
    equal_pairs: float
    """Among `pairs` of examples within the sets."""
    pairs: float

    @property
    def share(self) -> float:
        """Estimate of the share of the evaluation's examples that are the training's."""
        return min(1.0, self.found / self.compared / self._reach)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % of `share` (Wilson, over the coverage); at most the upper end without a coverage."""
        low, high = wilson(self.found, self.compared)
        if math.isnan(self.coverage):
            return low, 1.0
        return min(1.0, low / self._reach), min(1.0, high / self._reach)

    @property
    def by_chance(self) -> float:
        """Examples of the evaluation, at most, that would have an equal one in the training if
        examples were equal there as often as within the sets.

        Pairs of equal ones, with the upper end of their Poisson interval, over all pairs, times
        the pairs between the sets; and two standard deviations.
        """
        equal = self.equal_pairs + LIKELY * math.sqrt(self.equal_pairs) + LIKELY**2
        expected = equal / max(self.pairs, 1.0) * self.compared * self.training
        return expected + 2 * math.sqrt(expected)

    @property
    def is_by_chance(self) -> bool:
        return self.found <= self.by_chance

    @property
    def is_of_the_training_set(self) -> bool:
        """Whether the training's examples are nearly all met as well: all of it is evaluated.

        Of a pass of which a part is compared, that part of them is met, give or take the two
        standard deviations of a sample.
        """
        part = min(1.0, self.compared / max(self.passed, 1.0))
        met = self.met * self.training
        return met + LIKELY * math.sqrt(met * (1 - part)) >= WHOLE * part * self.training

    def may_be(self, share: float) -> bool:
        """Whether so few were found, by chance, of a `share` of the examples or more.

        What is found of them is a binomial number, and `coverage` was estimated from `counted`
        ones; without a coverage anything may be.
        """
        if math.isnan(self.coverage):
            return True
        variance = self.coverage * (1 - self.coverage) * self.compared
        variance *= 1 + self.compared / max(self.counted, 1.0)
        expected = share * self.coverage * self.compared
        return self.found > expected - LIKELY * math.sqrt(variance)

    @property
    def _reach(self) -> float:
        return 1.0 if math.isnan(self.coverage) else max(self.coverage, 1e-9)


def shared_examples(run: RunRecord) -> Iterator[SharedExamples]:
    """Of each place of which they are recorded, as they were last."""
    for place, series in run.of("shared_examples").items():
        compared = _last(run, "compared_examples", place)
        training = _last(run, "training_examples", place)
        yield SharedExamples(
            place,
            compared,
            passed=_last(run, "passed_examples", place),
            found=round(series.last * compared),
            training=training,
            coverage=_coverage(run, place, training),
            met=_last(run, "evaluated_training_examples", place),
            counted=_last(run, "latest_training_examples", place),
            equal_pairs=_last(run, "equal_pairs", place),
            pairs=_last(run, "looked_at_pairs", place),
        )


def wilson(found: float, of: float) -> tuple[float, float]:
    """The 95 % interval of a share. Source: Wilson, *Probable Inference* (1927)."""
    if of <= 0:
        return 0.0, 1.0
    share, square = found / of, LIKELY**2 / of
    center = (share + square / 2) / (1 + square)
    width = math.sqrt(share * (1 - share) * square + square**2 / 4) / (1 + square)
    return max(0.0, center - width), min(1.0, center + width)


def _coverage(run: RunRecord, place: str, training: float) -> float:
    """By the size of the only loader that shuffles; else by how many examples come again.

    Where a share s of the latest m examples was known before, of which (1 − s) m are then new, the
    others were a share s of the whole set: all n known ones are n / ((n − (1 − s) m) / s) of it.
    """
    loaders = [each for each in run.loaders if each.shuffle and each.length and each.batch_size]
    if len(loaders) == 1:
        size = (loaders[0].length or 0) * (loaders[0].batch_size or 0)
        return min(1.0, training / size)
    known = _last(run, "known_training_examples", place)
    latest = _last(run, "latest_training_examples", place)
    if known * latest < ENOUGH_KNOWN:
        return math.nan
    before = training - (1 - known) * latest
    return min(1.0, known * training / before) if before > 0 else known


def _last(run: RunRecord, metric: str, place: str) -> float:
    series = run.of(metric).get(place)
    return series.last if series else 0.0
