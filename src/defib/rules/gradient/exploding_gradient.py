"""Gradients that grow out of all proportion."""

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
from defib.rules.course import Course, Ending, courses
from defib.rules.fit import LEARNS_NOTHING, best_fit, fit_of, names_clipping
from defib.rules.learning_rate import rounded
from defib.rules.trend import constant_prediction_loss
from defib.rules.weights import aligned, rms_gradients


@final
@dataclass(frozen=True)
class ExplodingGradient(Rule, PreflightRule):
    """Gradients that grow out of all proportion.

    ## What it detects
    One of three things, in a run whose loss does not fall, lost what it had gained, is not
    finite, or is still far above that of a constant prediction. The norm of all gradients
    grew to more than `max_growth` times its size at the start. It was more than `max_norm`
    times the loss of a constant prediction from the start, in the last layer too. Or the first
    layer's gradient is more than `max_ratio` times the last layer's.

    ## Why it matters
    A step is proportional to the gradient (except for adaptive optimisers): one step with
    an exploded gradient can undo everything learnt so far. Gradients that are huge from the
    start come from activations that are huge, layer by layer.

    ## How it is measured
    `total_gradient_norm`: L2 norm of all gradients that the step used (after clipping). Its
    size at the start is the lesser of the first value and the median over the first
    `reference` records. The ratio of layers compares root mean squares of the gradients of
    weights, median over the records. Before the first step: the norm at the first batch, where a
    copy does not learn that batch and does with gradients clipped to norm 1, or with the initial
    weights that its layers give themselves; information where the script clips gradients.

    ## Known false positives
    A network that starts on a plateau has tiny first gradients, and reaches many times
    their size when it begins to learn. Such a run is reported only if it then fails.

    ## What to change
    Clip the gradient norm, lower the learning rate, and use an initialisation that keeps
    the size of the signals (He, Glorot) or a normalisation layer.

    ## References
    - Pascanu, Mikolov, Bengio, *On the difficulty of training recurrent neural networks*
      (2013), arXiv:1211.5063.
    - Zhang, Zhai, Ma, Shen, *AutoTrainer* (2021): ratio of layers above 70.
    """

    severity = Severity.ERROR
    requires = ("loss", "total_gradient_norm")
    requires_preflight = ("gradient_norm", "fit_loss", "constant_prediction_loss")
    explains = (
        "loss-divergence",
        "non-finite-value",
        "loss-plateau",
        "learning-rate-too-high",
        "dead-relu",
        "saturated-activation",
        "constant-output",
        "initial-loss-off",
        "cannot-fit-one-batch",
        "input-not-used",
        "unsuitable-initialization",
    )
    fixes = ("clip-gradients", "lower-learning-rate", "he-initialization")

    max_growth: float = 1e3
    """Norm over its size at the start, dimensionless. NeuralDBG calls a norm of 1e3
    exploded; relative to the start it does not depend on the unit of the loss."""
    max_norm: float = 1e2
    """Norm at the start over the loss of a constant prediction, dimensionless. Healthy twins
    of the fault corpus show up to 7 (`benchmarks/calibration.py`)."""
    max_norm_before_infinity: float = 20.0
    """The same where the loss of a copy on the first batch becomes infinite; calibrated as
    `max_norm`."""
    max_ratio: float = 70.0
    """First layer's gradient over the last layer's, dimensionless. Source: AutoTrainer."""
    min_last: float = 0.05
    """First gradient of the last layer over that of the layer before (root mean square,
    dimensionless), below which not the signals are too large but the last layer's weights. Of the
    fault corpus: 0.01 and less with such a last layer (`initial-loss-off`), 0.4 and more where
    signals grew (`weights-from-standard-normal`, `exploding-gradient`)."""
    reference: int = 10
    """First recorded steps that show the usual size."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        found = courses(run)
        for course in found:
            if _is_failing(run, course, is_alone=len(found) == 1):
                norms = run.of("total_gradient_norm").get(course.optimizer, Series.of([]))
                finding = self._growth(run, course, norms.finite()) or self._depth(run, course)
                yield from [finding] if finding else []

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        norm = float(np.sqrt(sum(each**2 for each in record.of("gradient_norm").values())))
        baseline = record.value("constant_prediction_loss")
        own, other = fit_of(record), best_fit(record, "clipped", "reset")
        if own is None or not baseline > 0:
            raise CannotJudge("the fit of the first batch, or a constant's loss, is no number")
        if own <= LEARNS_NOTHING or other is None or other > LEARNS_NOTHING:
            return
        limit = self.max_norm if np.isfinite(own) else self.max_norm_before_infinity
        if norm > limit * baseline:
            yield self.found(
                f"The norm of the gradients at the first batch is {norm:.2g}, "
                f"{norm / baseline:.1g} "
                f"times the loss of a constant prediction (limit {limit:g} times); a copy "
                "does not learn that batch, and does with clipped gradients or with the layers' "
                "own initial weights.",
                "Initialise with He or Glorot (for recurrent weights: orthogonal, with a factor of "
                "1), and clip the gradient norm to 1.",
                severity=Severity.INFO if names_clipping(record) else None,
                evidence={"gradient_norm": norm, "fit": own, "best_other_fit": other},
            )

    def _growth(self, run: RunRecord, course: Course, norms: Series) -> Finding | None:
        early = norms.values[: self.reference]
        early = early[early > 0]
        if len(early) == 0:
            return None
        usual, peak = min(float(early[0]), float(np.median(early))), float(norms.values.max())
        baseline = constant_prediction_loss(run, course.optimizer) or np.inf
        # Before any step the gradient is the network's own; the next may be those of a dead one.
        start = max(usual, norms.first) if norms.steps[0] == 0 else usual
        is_large = start > self.max_norm * baseline
        if is_large and not self._has_large_last_layer(run, course):
            first, usual = int(norms.steps[0]), start
            fact = f"is {usual:.2g}, {usual / baseline:.1g} times the loss of a constant prediction"
            limit, fixes = f" (limit {self.max_norm:g} times), since step {first}", self.fixes[::-1]
        elif peak > self.max_growth * usual:
            first = int(norms.steps[norms.values > self.max_growth * usual][0])
            fact = f"grew to {peak:.2g}, {peak / usual:.1g} times its size at the start (limit "
            limit, fixes = f"{self.max_growth:g} times), since step {first}", self.fixes
        else:
            return None
        return Finding(
            rule=self.name(),
            # From the start on, it is the network that is wrong, whatever the learning rate.
            severity=self.severity if fixes is not self.fixes else Severity.WARNING,
            site=run.site_of_optimizer(course.optimizer),
            steps=(first, int(norms.steps[-1])),
            message=f"The norm of all gradients {fact}{limit}.",
            evidence={"total_gradient_norm": peak, "total_gradient_norm_at_start": usual},
            remedy="Use He or Glorot initialisation, or put normalisation layers between."
            if fixes is not self.fixes
            else f"Clip the gradient norm to about {rounded(usual)} before each step of "
            f"`{course.optimizer}`, or lower its learning rate.",
            fixes=fixes,
        )

    def _has_large_last_layer(self, run: RunRecord, course: Course) -> bool:
        """Whether gradients are large from the layer before the last on: not the signals have
        grown on their way, but the last layer's weights are too large."""
        gradients = [series for _, series in rms_gradients(run, course.optimizer)]
        if len(gradients) < 2 or not gradients[-1] or not gradients[-2]:
            return False
        before, last = gradients[-2:]
        return last.first < self.min_last * before.first

    def _depth(self, run: RunRecord, course: Course) -> Finding | None:
        layers = [
            (weight, series)
            for weight, series in rms_gradients(run, course.optimizer)
            if series.median() > 0
        ]
        is_of_the_last = len(layers) > 2 and self._has_large_last_layer(run, course)
        if len(layers) < 2 or is_of_the_last:
            return None
        (first, high), (last, low) = layers[0], layers[-1]
        high, low = aligned(high, low)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = Series(high.steps, high.values / low.values).median()
        if not ratio > self.max_ratio:
            return None
        return Finding(
            rule=self.name(),
            severity=Severity.WARNING,
            layer=first.layer,
            site=run.site_of_layer(first.layer),
            steps=(int(high.steps[0]), course.last_step),
            message=f"The gradient of `{first.name}` is {ratio:.2g} times that of `{last.name}` "
            f"(root mean square, limit {self.max_ratio:g}), since step {high.steps[0]}.",
            evidence={"first_to_last_gradient": ratio},
            remedy="Use He or Glorot initialisation, or put normalisation layers between.",
            fixes=self.fixes[::-1],
        )


def _is_failing(run: RunRecord, course: Course, *, is_alone: bool) -> bool:
    """Harm, or a loss that falls but is still twice that of a constant prediction."""
    if course.ending is Ending.FALLING:
        baseline = constant_prediction_loss(run, course.optimizer)
        return is_alone and baseline is not None and course.trend.end > 2 * baseline
    # Of several losses (adversarial training) none need fall.
    return course.is_harmed and (is_alone or course.ending is Ending.NON_FINITE)
