"""Gradients that shrink on their way from the loss to the first layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.records.run import ParameterFact, RunRecord
from defib.records.series import Series
from defib.rules.base import CannotJudge, PreflightRule, Rule
from defib.rules.course import Course, Ending, courses
from defib.rules.failure import is_difference
from defib.rules.fit import fits_badly
from defib.rules.weights import aligned, rms_gradients, trained_weights

SQUASHING = {
    "sigmoid": "the derivative of a sigmoid is at most 1/4",
    "tanh": "the derivative of a tanh is at most 1 and falls to 0 where it saturates",
}
"""Activation -> why it shrinks a gradient."""


@final
@dataclass(frozen=True)
class VanishingGradient(Rule, PreflightRule):
    """Gradients that shrink on their way from the loss to the first layers.

    ## What it detects
    A network of at least `min_layers` weight layers whose first layer receives less than
    `min_ratio` of the gradient of its last layer, over the run as well as at its end. It is
    an error while the loss does not fall, and a warning where it fell by less than
    `min_gain`.

    ## Why it matters
    The first layers hardly move. The last ones learn from the features of a network that
    is practically random, which is often no better than a constant answer.

    ## How it is measured
    Root mean square of the gradient's entries (dimensionless ratio): `gradient_norm` of a
    weight divided by the square root of its size, first layer over last layer; the median
    over the recorded steps. Before the first step: of weights or of biases, at the first batch,
    where a copy of the network does not learn that batch. Layers with a gradient of exactly zero
    are left out: that is no shrinking but a blocked layer. Embeddings are left out too.

    ## Known false positives
    Adaptive optimisers (Adam) divide a small gradient by its own size and can train the
    first layers all the same; nothing is reported once the loss has fallen well.

    ## What to change
    Replace sigmoid and tanh by ReLU, use He or Glorot initialisation, add batch
    normalisation or residual connections, or make the network shallower.

    ## References
    - Zhang, Zhai, Ma, Shen, *AutoTrainer* (2021): ratio below 1e-3.
    - Glorot, Bengio, *Understanding the difficulty of training deep feedforward neural
      networks* (2010).
    """

    severity = Severity.ERROR
    requires = ("loss", "gradient_norm")
    requires_preflight = ("gradient_rms", "fit_loss")
    explains = (
        "loss-plateau",
        "too-few-epochs",
        "constant-output",
        "cannot-fit-one-batch",
        "input-not-used",
        "learning-rate-too-low",
        "learning-rate-too-high",
        "unsuitable-initialization",
    )
    fixes = ("relu", "glorot-initialization", "batch-normalization")

    min_ratio: float = 1e-3
    """First layer's gradient over the last layer's, dimensionless. Source: AutoTrainer."""
    cancelled: float = 1e-5
    """Gradient of a bias over that of its own layer's weight, dimensionless, below which it is
    what rounding leaves of 0: a normalisation after the layer cancels the bias. Source:
    `benchmarks/rule_experiments.py`, 8e-7 to 9e-7 before batch normalisation in float32."""
    min_layers: int = 3
    """Weight layers with a gradient: with fewer there is hardly a way to shrink on."""
    patience: int = 3
    """Recorded steps at the end that must all be below `min_ratio`."""

    min_gain: float = 0.5
    """Share of the starting loss that must be gone for silence, in [0, 1]. Calibrated on the
    healthy twins of the fault corpus, `benchmarks/calibration.py`."""
    min_steps: int = 50
    """Losses before a run is judged; as in `LossPlateau`."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        course, *others = courses(run)
        if others:
            raise CannotJudge("several losses: they need not fall")
        if is_difference(run, course.optimizer):
            raise CannotJudge("the loss is a difference of terms: it need not fall")
        layers = [
            (weight, series)
            for weight, series in rms_gradients(run, course.optimizer)
            if (series.values[-self.patience :] > 0).all()
        ]
        is_long = len(course.losses) >= self.min_steps
        if is_long and len(layers) >= self.min_layers and not self._is_harmless(course):
            yield from self._judge(run, course, layers)

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        run, sizes = record.facts, record.of("gradient_rms")
        optimizer = record.loss.optimizer if record.loss else ""
        weights = [each for each in trained_weights(run, optimizer) if each.name in sizes]
        if len(weights) < self.min_layers or not fits_badly(record):
            return
        first, last = weights[0], weights[-1]
        for low, high in ((first, last), (_bias_of(run, first), _bias_of(run, last))):
            if low is None or high is None or not sizes.get(high.name, 0.0) > 0:
                continue
            if sizes.get(low.name, 0.0) < self.cancelled * sizes[first.name]:
                continue
            ratio = sizes.get(low.name, 0.0) / sizes[high.name]
            if 0 < ratio < self.min_ratio:
                yield self._finding_before(record, low, high, ratio)
                return

    def _finding_before(
        self, record: PreflightRecord, low: ParameterFact, high: ParameterFact, ratio: float
    ) -> Finding:
        reason = _reason(record.facts, low, high)
        return self.found(
            f"At the first batch the gradient of `{low.name}` is {ratio:.1g} of that of "
            f"`{high.name}` (root mean square, limit {self.min_ratio:g}), and a copy does not "
            "learn "
            f"that batch{reason and ': ' + reason}.",
            "Replace sigmoid and tanh by ReLU with He initialisation, or put batch normalisation "
            "before each activation."
            if reason
            else "Use He initialisation, batch normalisation or residual connections.",
            layer=low.layer,
            site=record.facts.site_of_layer(low.layer),
            evidence={"first_to_last_gradient": ratio},
        )

    def _is_harmless(self, course: Course) -> bool:
        is_well = course.ending in (Ending.LEARNING, Ending.UNCLEAR)
        return course.ending is Ending.GOOD or (is_well and course.trend.gain >= self.min_gain)

    def _judge(
        self, run: RunRecord, course: Course, layers: list[tuple[ParameterFact, Series]]
    ) -> Iterator[Finding]:
        (first, low), (last, high) = layers[0], layers[-1]
        low, high = aligned(low, high)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = Series(low.steps, low.values / high.values)
        small = ratio.final_stretch_below(self.min_ratio)
        if not ratio.median() < self.min_ratio or len(small) < self.patience:
            return
        reason = _reason(run, first, last)
        has_gained = course.ending in (Ending.LEARNING, Ending.UNCLEAR)
        progress = f"fell by only {course.trend.gain:.0%}" if has_gained else "does not fall"
        yield Finding(
            rule=self.name(),
            severity=Severity.WARNING if has_gained else self.severity,
            layer=first.layer,
            site=run.site_of_layer(first.layer),
            steps=(int(small.steps[0]), course.last_step),
            message=f"The gradient of `{first.name}` is {ratio.median():.1g} of that of "
            f"`{last.name}` (root mean square, limit {self.min_ratio:g}), since step "
            f"{small.steps[0]}, and the loss {progress}{reason and ': ' + reason}.",
            evidence={"first_to_last_gradient": ratio.median(), "layers": len(layers)},
            remedy="Replace sigmoid and tanh by ReLU with He initialisation, or put batch "
            "normalisation before each activation."
            if reason
            else "Use He initialisation, batch normalisation or residual connections.",
            fixes=self.fixes if reason else self.fixes[1:],
        )


def _bias_of(run: RunRecord, weight: ParameterFact) -> ParameterFact | None:
    """The vector of the same layer: its gradient is what arrives there, whatever the input."""
    return next((p for p in run.parameters if p.layer == weight.layer and len(p.shape) == 1), None)


def _reason(run: RunRecord, first: ParameterFact, last: ParameterFact) -> str:
    span = range(run.layer_order(first.layer), run.layer_order(last.layer))
    kinds = [layer.activation for layer in run.layers if layer.order in span]
    parts = (
        f"{kinds.count(kind)} {kind} layers lie between, and {why}"
        for kind, why in SQUASHING.items()
        if kind in kinds
    )
    return "; ".join(parts)
