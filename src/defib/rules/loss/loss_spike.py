"""Single losses far above those around them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from defib.records.finding import Finding, Severity
from defib.records.run import RunRecord
from defib.records.series import Series
from defib.rules.base import CannotJudge, Rule
from defib.rules.course import Course, courses
from defib.rules.data.training_loader import data_site, examples_in_batch
from defib.rules.learning_rate import has_risen
from defib.rules.weights import largest_steps

WIDTH = 21
"""Losses of the window whose median is the usual loss at a step."""


@final
@dataclass(frozen=True)
class LossSpike(Rule):
    """Single losses far above those around them.

    ## What it detects
    Losses of single steps that exceed `min_factor` times the median of their neighbours (one of
    them `min_peak` times) and
    `min_start` times the first loss, and lie beyond `deviations` robust standard deviations of
    the logarithm of the loss. A rise that lasts is another finding, and so are losses that leap
    after steps of more than `max_step` of the weights, or when the learning rate has just risen by
    more than `rise` times.

    ## Why it matters
    One batch with a broken example (a wrong unit, a corrupt file, a label out of place) makes
    one huge gradient, and the step on it undoes many others.

    ## How it is measured
    Each loss over the median of 21 steps around it; standard deviations from the median absolute
    deviation of that ratio's logarithm (dimensionless).

    ## Known false positives
    Rewards that are rare. Batches of fewer than 4 examples are not judged.

    ## What to change
    Look at the batch of the named step; clip the gradient norm.

    ## References
    - Godbole et al., *Deep Learning Tuning Playbook* (2023): instability, and clipping.
    - Hampel, *The Influence Curve and Its Role in Robust Estimation* (1974): robust deviations.
    """

    severity = Severity.WARNING
    requires = ("loss",)
    explains = ("learning-rate-too-high", "exploding-gradient", "too-few-epochs")
    fixes = ("clean-data", "clip-gradients")

    min_factor: float = 5.0
    """Loss over the median of its neighbours, dimensionless. No one of 237 healthy
    trainings (`defib.healthy`) fulfils all conditions; single ones reach 50 by themselves."""
    min_peak: float = 10.0
    """The same of the highest, dimensionless. Calibrated like `min_factor`."""
    min_start: float = 2.0
    """Loss over the first loss, dimensionless: a trained network is never so wrong by chance.
    Calibrated like `min_factor`."""
    max_step: float = 0.1
    """Step over weight before the first spike, dimensionless, above which the steps are the
    reason and not the batch; as in `LearningRateTooHigh`."""
    rise: float = 2.0
    """Learning rate over the one recorded before, dimensionless, above which its rise is the
    reason and not the batch; as in `LearningRateTooHigh`."""
    deviations: float = 8.0
    """Robust standard deviations of the logarithm, dimensionless; Hampel's 3 would be too few for
    thousands of losses."""
    max_share: float = 0.1
    """Share of the steps, in [0, 1], above which it is no exception but noise."""
    last_steps: int = 3
    """Steps that one spike lasts at most."""
    warm_up: int = 3
    """First steps, in which a loss may leap."""
    min_examples: int = 4
    """Examples in a batch: the losses of single ones scatter by nature."""
    min_losses: int = 60
    """Losses below which there is no usual size."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        course, *others = courses(run)
        if others:
            raise CannotJudge("several losses: they push one another")
        losses = course.losses.finite()
        if len(losses) < self.min_losses:
            raise CannotJudge(f"fewer than {self.min_losses} losses")
        if examples_in_batch(run) < self.min_examples:
            raise CannotJudge(f"batches of fewer than {self.min_examples} examples scatter")
        spikes = self._spikes(losses, abs(course.first_loss))
        is_rare = 0 < len(spikes) <= self.max_share * len(losses)
        if is_rare and self._came_suddenly(run, course, int(losses.steps[spikes[0]])):
            yield self._finding(run, course, losses, spikes)

    def _came_suddenly(self, run: RunRecord, course: Course, first: int) -> bool:
        steps = largest_steps(run, course.optimizer)
        # The step before the first such loss has led to it; it need not be among the sampled ones.
        if has_risen(run, course.optimizer, first - 1, self.rise):
            return False
        return all(each.size <= self.max_step for each in steps if each.step < first)

    def _spikes(self, losses: Series, first: float) -> np.ndarray:
        """Places of the spikes in `losses`."""
        if losses.values.min() <= 0:
            return np.empty(0, int)
        padded = np.pad(losses.values, WIDTH // 2, mode="edge")
        usual = np.median(np.lib.stride_tricks.sliding_window_view(padded, WIDTH), axis=1)
        logarithm = np.log(losses.values / usual)
        deviation = 1.4826 * float(np.median(np.abs(logarithm)))
        is_high = (
            (losses.values > self.min_factor * usual)
            & (losses.values > self.min_start * first)
            & (logarithm > self.deviations * deviation)
        )
        is_high[: self.warm_up] = False
        places = np.flatnonzero(is_high)
        stretches = np.split(places, np.flatnonzero(np.diff(places) > 1) + 1)
        short = [each for each in stretches if 0 < len(each) <= self.last_steps]
        spikes = np.array([each[0] for each in short], int)
        is_one_high = bool((losses.values[spikes] > self.min_peak * usual[spikes]).any())
        return spikes if is_one_high else spikes[:0]

    def _finding(
        self, run: RunRecord, course: Course, losses: Series, spikes: np.ndarray
    ) -> Finding:
        worst = int(spikes[losses.values[spikes].argmax()])
        step, peak = int(losses.steps[worst]), float(losses.values[worst])
        around = losses.values[max(0, worst - WIDTH // 2) : worst + WIDTH // 2 + 1]
        usual = float(np.median(around))
        more = f", the highest of {len(spikes)} such losses" if len(spikes) > 1 else ""
        finding = self.found(
            f"The loss of step {step} is {peak:.3g}, {peak / usual:.0f} times that of its "
            f"neighbours (limit {self.min_factor:g}){more}.",
            f"Look at the batch of step {step} for a broken example; clip the gradient norm.",
            site=data_site(run, course.optimizer),
            evidence={"loss": peak, "usual_loss": usual, "spikes": float(len(spikes))},
        )
        first, last = int(losses.steps[spikes[0]]), int(losses.steps[spikes[-1]])
        return replace(finding, steps=(first, last))
