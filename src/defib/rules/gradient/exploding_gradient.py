"""Gradients that grow out of all proportion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from defib.records.finding import Finding, Severity
from defib.records.run import RunRecord
from defib.records.series import Series
from defib.rules.base import Rule
from defib.rules.course import Course, courses
from defib.rules.weights import aligned, rms_gradients


@final
@dataclass(frozen=True)
class ExplodingGradient(Rule):
    """Gradients that grow out of all proportion.

    ## What it detects
    One of two things, in a run whose loss does not fall, lost what it had gained or is not
    finite: the norm of all gradients grew to more than `max_growth` times its size in the
    first recorded steps, or the first layer's gradient is more than `max_ratio` times the
    last layer's over the whole run.

    ## Why it matters
    A step is proportional to the gradient (except for adaptive optimisers): one step with
    an exploded gradient can undo everything learnt so far.

    ## How it is measured
    `total_gradient_norm`: L2 norm of all gradients that the step used (after clipping),
    against the lesser of its first value and its median over the first `reference` records.
    The ratio of layers compares root mean squares of gradient entries of the weights.

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

    severity = Severity.WARNING
    requires = ("loss", "total_gradient_norm")
    explains = ("loss-divergence", "non-finite-value", "loss-plateau")
    fixes = ("clip-gradients", "lower-learning-rate", "he-initialization")

    max_growth: float = 1e3
    """Norm over its size at the start, dimensionless. NeuralDBG calls a norm of 1e3
    exploded; relative to the start it does not depend on the unit of the loss."""
    max_ratio: float = 70.0
    """First layer's gradient over the last layer's, dimensionless. Source: AutoTrainer."""
    reference: int = 10
    """First recorded steps that show the usual size."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        for course in courses(run):
            if not course.is_harmed:
                continue
            grown = self._grown(run, course)
            yield from [grown] if grown else self._depth(run, course)

    def _grown(self, run: RunRecord, course: Course) -> Finding | None:
        norms = run.of("total_gradient_norm").get(course.optimizer, Series.of([])).finite()
        early = norms.values[: self.reference]
        early = early[early > 0]
        if len(early) == 0:
            return None
        usual = min(float(early[0]), float(np.median(early)))
        over = np.flatnonzero(norms.values > self.max_growth * usual)
        if len(over) == 0:
            return None
        first, peak = int(norms.steps[over[0]]), float(norms.values.max())
        return Finding(
            rule=self.name(),
            severity=self.severity,
            site=run.site_of_optimizer(course.optimizer),
            steps=(first, int(norms.steps[over[-1]])),
            message=f"The norm of all gradients grew to {peak:.2g}, {peak / usual:.1g} times its "
            f"size at the start (limit {self.max_growth:g} times), since step {first}.",
            evidence={"total_gradient_norm": peak, "total_gradient_norm_at_start": usual},
            remedy=f"Clip the gradient norm to about {usual:.1g} before each step of "
            f"`{course.optimizer}`, or lower its learning rate.",
            fixes=self.fixes[:2],
        )

    def _depth(self, run: RunRecord, course: Course) -> Iterator[Finding]:
        layers = [
            (weight, series)
            for weight, series in rms_gradients(run, course.optimizer)
            if series.median() > 0
        ]
        if len(layers) < 2:
            return
        (first, high), (last, low) = layers[0], layers[-1]
        high, low = aligned(high, low)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = Series(high.steps, high.values / low.values).median()
        if ratio > self.max_ratio:
            yield Finding(
                rule=self.name(),
                severity=self.severity,
                layer=first.layer,
                site=run.site_of_layer(first.layer),
                steps=(int(high.steps[0]), course.last_step),
                message=f"The gradient of `{first.name}` is {ratio:.2g} times that of "
                f"`{last.name}` (root mean square, limit {self.max_ratio:g}), since step "
                f"{high.steps[0]}.",
                evidence={"first_to_last_gradient": ratio},
                remedy="Use He or Glorot initialisation, or put a normalisation layer between.",
                fixes=self.fixes[2:],
            )
