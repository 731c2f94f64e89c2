"""Weights that are initialised anew during the training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from defib.records.finding import Finding, Severity
from defib.records.run import RunRecord
from defib.records.series import Series
from defib.rules.base import CannotJudge, Rule
from defib.rules.course import courses
from defib.rules.weights import trained_weights

WIDTH = 5
"""Losses before and after a jump, whose medians are compared."""


@final
@dataclass(frozen=True)
class WeightsReinitialized(Rule):
    """Weights that are initialised anew during the training.

    ## What it detects
    A loss that had fallen well and from one step to the next is back where it began, while the
    norms of the weights are back at those of the start.

    ## Why it matters
    All that was learnt until then is lost. Most often an initialisation stands inside the loop
    over epochs, or a `forward` or a callback calls it again.

    ## How it is measured
    The median loss of the 5 steps from the jump on, at least `min_return` of the first loss,
    after 5 of less than `min_fall` of it; and `parameter_norm`, the distance of each weight from
    its first norm: after the jump less than `max_distance` of that before, in the median of the
    weights.

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
    min_fall: float = 0.6
    """Loss before the jump over the first loss, dimensionless: it must have learnt something."""
    max_distance: float = 0.5
    """Distance of a norm from the first one after the jump over that before, dimensionless: two
    initialisations of n weights differ by 1 / sqrt(2 n) of their norm."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        course, *others = courses(run)
        if others:
            raise CannotJudge("several losses: they need not fall")
        jumps = self._jumps(course.losses.finite(), course.first_loss)
        back = [jump for jump in jumps if self._is_back(run, course.optimizer, jump)]
        if not back:
            return
        losses = course.losses.finite()
        before = losses.between(back[0] - WIDTH, back[0] - 1).median()
        after = losses.between(back[0], back[0] + WIDTH - 1).median()
        times = f" (and {len(jumps) - 1} more times)" if len(jumps) > 1 else ""
        finding = self.found(
            f"At step {back[0]} the loss went from {before:.3g} back to {after:.3g}{times}; it "
            f"began at {course.first_loss:.3g} (limit {self.min_return:.0%} of it). The norms of "
            "the weights are those of the start again.",
            "Initialise the network once, before the loop over epochs.",
            site=run.site_of_optimizer(course.optimizer),
            evidence={"loss_before": before, "loss_after": after, "jumps": float(len(jumps))},
        )
        yield replace(finding, steps=(back[0], course.last_step))

    def _jumps(self, losses: Series, first: float) -> list[int]:
        """Steps at which the loss returns from below `min_fall` to above `min_return`."""
        if len(losses) < 4 * WIDTH or not first > 0:
            return []
        medians = np.median(np.lib.stride_tricks.sliding_window_view(losses.values, WIDTH), axis=1)
        before, after = medians[:-WIDTH], medians[WIDTH:]
        high = losses.values[WIDTH : WIDTH + len(before)] > self.min_return * first
        is_jump = (before < self.min_fall * first) & (after > self.min_return * first) & high
        places = np.flatnonzero(is_jump) + WIDTH
        # One jump fulfils this at several neighbouring places: the first is its own.
        starts = places[np.diff(places, prepend=-2 * WIDTH) > WIDTH]
        return [int(losses.steps[place]) for place in starts]

    def _is_back(self, run: RunRecord, optimizer: str, jump: int) -> bool:
        ratios = []
        for weight in trained_weights(run, optimizer):
            norms = run.of("parameter_norm").get(weight.name, Series.of(())).finite()
            before, after = norms.between(1, jump - 1), norms.between(jump, run.steps)
            if before and after and before.last != norms.first:
                ratios.append(abs(after.first - norms.first) / abs(before.last - norms.first))
        return bool(ratios) and float(np.median(ratios)) < self.max_distance
