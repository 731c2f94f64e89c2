"""Weights that are initialised anew during the training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from defib.records.finding import Finding, Severity
from defib.records.run import ParameterFact, RunRecord
from defib.records.series import Series
from defib.rules.base import CannotJudge, Rule
from defib.rules.course import Course, courses
from defib.rules.data.training_loader import examples_in_batch
from defib.rules.weights import trained_weights

WIDTH = 5
"""Losses before and after a jump, whose medians are compared."""
REDRAWN_DEVIATIONS = 4.0
"""Standard deviations of the norm of a weight that is drawn again: one in 30,000 differs more."""
LONG_WIDTH = 20
"""Losses before a jump, none of which may be as high as the three after it: noise is."""


@final
@dataclass(frozen=True)
class WeightsReinitialized(Rule):
    """Weights that are initialised anew during the training.

    ## What it detects
    A loss that had fallen well and from one step to the next is back where it began, while the
    norms of the weights are back at those of the start; or that happens again and again.

    ## Why it matters
    All that was learnt until then is lost. Most often an initialisation stands inside the loop
    over epochs, or a `forward` or a callback calls it again.

    ## How it is measured
    The median loss of the 5 steps from the jump on, at least `min_return` of the first loss,
    after 5 of less than `min_fall` of it, and after 20 that were all lower than those at the
    jump; and `parameter_norm`, the distance of each weight from its first norm: after the jump
    less than `max_distance` of that before, in the median of the weights. Several jumps need no
    norms that return, but losses of at most `max_return` of the first one from then on, as steps
    that are too large lead to other losses each time and targets that grow to higher ones. And
    norms that do not all go on: one is `max_growth` times as far from its first value as ever
    before the first jump, in no more steps after a jump than it had until then, and none returns.

    ## Known false positives
    Training methods that reset layers on purpose.

    ## What to change
    Initialise once, before the first epoch.

    ## References
    - Jiang et al., *TrainCheck* (2025): parameters that change outside the optimiser's step.
    """

    severity = Severity.WARNING
    requires = ("loss", "parameter_norm")
    explains = (
        "loss-spike",
        "learning-rate-too-high",
        "too-few-epochs",
        "loss-plateau",
        "overfitting",
        "underfitting",
    )
    fixes = ("initialize-once",)

    min_return: float = 0.8
    """Loss after the jump over the first loss, dimensionless: a network made anew has about 1."""
    max_return: float = 1.25
    """The same at most, of several jumps: a network made anew is not worse than the first one."""
    min_examples: int = 4
    """Examples in a batch, for several jumps without norms: the losses of single ones scatter."""
    min_fall: float = 0.6
    """Loss before the jump over the first loss, dimensionless: it must have learnt something."""
    max_growth: float = 2.0
    """Distance of a norm from the first one after several jumps over that before, dimensionless:
    a warm-up of the learning rate in the first epoch halves the way of that epoch."""
    max_distance: float = 0.5
    """Distance of a norm from the first one after the jump over that before, dimensionless: two
    initialisations of n weights differ by 1 / sqrt(2 n) of their norm."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        course, *others = courses(run)
        if others:
            raise CannotJudge("several losses: they need not fall")
        jumps = self._jumps(course.losses.finite(), course.first_loss)
        back = [jump for jump in jumps if self._is_back(run, course.optimizer, jump)]
        if back or self._is_repeated(run, course, jumps):
            yield self._finding(run, course, jumps, (back or jumps)[0], has_norms=bool(back))

    def _is_repeated(self, run: RunRecord, course: Course, jumps: list[int]) -> bool:
        """Whether the loss returned several times, and never to more than it began with."""
        if len(jumps) < 2 or examples_in_batch(run) < self.min_examples:
            return False
        losses = course.losses.finite().between(jumps[0], course.last_step).values
        highest = np.median(sliding_window_view(losses, WIDTH), axis=1).max()
        if highest >= self.max_return * course.first_loss:
            return False
        return not self._goes_on(run, course.optimizer, jumps)

    def _goes_on(self, run: RunRecord, optimizer: str, jumps: list[int]) -> bool:
        """Whether some weight is further from its start than a new one can be, and none returns."""
        distances = [
            (distance, _redrawn_distance(run, weight))
            for weight, distance in _distances(run, optimizer)
        ]
        goes_on = any(self._is_too_far(each, redrawn, jumps) for each, redrawn in distances)
        return goes_on and not any(_returns(each, redrawn, jumps[0]) for each, redrawn in distances)

    def _is_too_far(self, distance: Series, redrawn: float, jumps: list[int]) -> bool:
        """Whether it is so soon after a jump as the first jump was after the start."""
        before = distance.between(1, jumps[0] - 1)
        after = distance.between(jumps[0], jumps[-1] + jumps[0])
        if not before or not after:
            return False
        last_jump = np.array(jumps)[np.searchsorted(jumps, after.steps, side="right") - 1]
        is_young = after.steps - last_jump <= before.steps[-1]
        limit = self.max_growth * before.values.max() + redrawn
        return bool((after.values[is_young] > limit).any())

    def _finding(
        self, run: RunRecord, course: Course, jumps: list[int], jump: int, *, has_norms: bool
    ) -> Finding:
        before = course.losses.finite().between(jump - WIDTH, jump - 1).median()
        after = _loss_after(course, jump)
        norms = " The norms of the weights are those of the start again." if has_norms else ""
        times = f" (and {len(jumps) - 1} more times)" if len(jumps) > 1 else ""
        finding = self.found(
            f"At step {jump} the loss went from {before:.3g} back to {after:.3g}{times}; it "
            f"began at {course.first_loss:.3g} (limit {self.min_return:.0%} of it)."
            f"{norms}",
            "Initialise the network once, before the loop over epochs.",
            site=run.site_of_optimizer(course.optimizer),
            evidence={"loss_before": before, "loss_after": after, "jumps": float(len(jumps))},
        )
        return replace(finding, steps=(jump, course.last_step))

    def _jumps(self, losses: Series, first: float) -> list[int]:
        """Steps at which the loss returns from below `min_fall` to above `min_return`."""
        if len(losses) < 4 * WIDTH or not first > 0:
            return []
        medians = np.median(sliding_window_view(losses.values, WIDTH), axis=1)
        before, after = medians[:-WIDTH], medians[WIDTH:]
        high = losses.values[WIDTH : WIDTH + len(before)] > self.min_return * first
        is_jump = (before < self.min_fall * first) & (after > self.min_return * first) & high
        places = np.flatnonzero(is_jump) + WIDTH
        # One jump fulfils this at several neighbouring places: the first is its own.
        starts = places[np.diff(places, prepend=-2 * WIDTH) > WIDTH]
        sudden = [
            place
            for place in starts
            if losses.values[place : place + 3].min()
            > losses.values[max(0, place - LONG_WIDTH) : place].max()
        ]
        return [int(losses.steps[place]) for place in sudden]

    def _is_back(self, run: RunRecord, optimizer: str, jump: int) -> bool:
        ratios = []
        for _, distance in _distances(run, optimizer):
            before, after = distance.between(1, jump - 1), distance.between(jump, run.steps)
            if before and after and before.last:
                ratios.append(after.first / before.last)
        return bool(ratios) and float(np.median(ratios)) < self.max_distance


def _loss_after(course: Course, jump: int) -> float:
    return course.losses.finite().between(jump, jump + WIDTH - 1).median()


def _distances(run: RunRecord, optimizer: str) -> Iterator[tuple[ParameterFact, Series]]:
    """Weights whose norms were recorded, and the distance of each norm from the first one."""
    for weight in trained_weights(run, optimizer):
        norms = run.of("parameter_norm").get(weight.name, Series.of(())).finite()
        if norms:
            yield weight, Series(norms.steps, np.abs(norms.values - norms.first))


def _redrawn_distance(run: RunRecord, weight: ParameterFact) -> float:
    """The largest that a second drawing of `weight` brings about by chance."""
    first = run.of("parameter_norm")[weight.name].finite().first
    return REDRAWN_DEVIATIONS * first / float(np.sqrt(2 * weight.size))


def _returns(distance: Series, redrawn: float, first_jump: int) -> bool:
    """Whether it falls from one recorded step to the next, the latter since `first_jump`."""
    falls = -np.diff(distance.values)[distance.steps[1:] >= first_jump]
    # Half of it: a weight that only seems to return keeps the finding.
    return bool((falls > redrawn / 2).any())
