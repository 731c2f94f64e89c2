"""The quantity on which each threshold of each rule decides, computed from any record."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import final

import numpy as np

from defib.records.run import RunRecord
from defib.records.series import Series
from defib.rules.activation.constant_output import ConstantOutput
from defib.rules.activation.dead_relu import DeadReLU
from defib.rules.activation.saturated_activation import SaturatedActivation
from defib.rules.base import CannotJudge
from defib.rules.course import Course, courses
from defib.rules.data.class_imbalance import ClassImbalance
from defib.rules.data.label_order import dispersion, serial_correlation
from defib.rules.data.label_ordered_batches import LabelOrderedBatches
from defib.rules.data.unscaled_input import UnscaledInput
from defib.rules.failure import is_failing
from defib.rules.generalization.evaluation import Generalization, generalizations, noise
from defib.rules.generalization.overfitting import Overfitting
from defib.rules.generalization.too_few_epochs import TooFewEpochs
from defib.rules.gradient.exploding_gradient import ExplodingGradient
from defib.rules.gradient.vanishing_gradient import VanishingGradient
from defib.rules.initialization.unbroken_symmetry import UnbrokenSymmetry
from defib.rules.loss.loss_divergence import LossDivergence
from defib.rules.optimization.learning_rate_too_high import LearningRateTooHigh
from defib.rules.optimization.learning_rate_too_low import LearningRateTooLow, largest_fall
from defib.rules.optimization.missing_zero_grad import MissingZeroGrad
from defib.rules.trend import label_totals
from defib.rules.weights import aligned, largest_steps, rms_gradients

NAN = float("nan")
LAST = 3
"""Recorded steps at the end that must all exceed a limit: `patience` of most rules."""


@final
@dataclass(frozen=True)
class Quantity:
    """`value(record)` is the one nearest to the limit of all layers; `nan` where there is none."""

    rule: str
    name: str
    limit: float
    measure: Callable[[RunRecord], float]

    def value(self, record: RunRecord) -> float:
        try:
            return float(self.measure(record))
        except CannotJudge:
            return NAN


def largest(values: Iterable[float]) -> float:
    return max((value for value in values if not np.isnan(value)), default=NAN)


def smallest(values: Iterable[float]) -> float:
    return min((value for value in values if not np.isnan(value)), default=NAN)


def lasting(metric: str) -> Callable[[RunRecord], float]:
    """The largest value that a layer exceeds at each of its last recorded steps."""

    def measure(run: RunRecord) -> float:
        every = run.of(metric).values()
        return largest(each.values[-LAST:].min() for each in every if len(each) >= LAST)

    return measure


def median_of(metric: str, choose: Callable[[Iterable[float]], float]) -> Callable[..., float]:
    return lambda run: choose(each.median() for each in run.of(metric).values())


def of_course(measure: Callable[[RunRecord, Course], float]) -> Callable[[RunRecord], float]:
    """The largest over the losses of a run."""
    return lambda run: largest(measure(run, course) for course in courses(run))


def gradient_ratio(run: RunRecord, course: Course) -> float:
    """First layer's over last layer's gradient (root mean square), the median."""
    layers = [series for _, series in rms_gradients(run, course.optimizer)]
    layers = [series for series in layers if series.median() > 0]
    if len(layers) < 2:
        return NAN
    first, last = aligned(layers[0], layers[-1])
    with np.errstate(divide="ignore", invalid="ignore"):
        return Series(first.steps, first.values / last.values).median()


def gradient_growth(run: RunRecord, course: Course) -> float:
    norms = run.of("total_gradient_norm").get(course.optimizer, Series.of([])).finite()
    early = norms.values[: ExplodingGradient().reference]
    early = early[early > 0]
    return norms.values.max() / min(early[0], np.median(early)) if len(early) else NAN


def largest_step(run: RunRecord, course: Course) -> float:
    return largest(each.size for each in largest_steps(run, course.optimizer))


def usual_step(run: RunRecord, course: Course) -> float:
    del course
    return median_of("update_ratio", largest)(run)


def possible_fall(run: RunRecord, course: Course) -> float:
    fall = largest_fall(run, course.optimizer)
    return fall * len(course.losses) / max(abs(course.trend.start), 1e-12)


def constant_output(run: RunRecord) -> float:
    """Spread of the outputs over its limit, at the best of the last recorded steps."""
    rule, found = ConstantOutput(), []
    for optimizer, every in run.of("prediction_batch_std").items():
        spread = every.finite()
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = spread.values / rule._limits(run, optimizer, spread)
        found.append(ratio[-LAST:].max() if len(ratio) >= LAST else NAN)
    return smallest(found)


def unit_spread(run: RunRecord) -> float:
    hidden = (
        series.values[-LAST:].max()
        for name, series in run.of("unit_spread").items()
        if (parameter := run.parameter(name)) is not None
        and parameter.shape[0] > 1
        and parameter.optimizer
        and (layer := run.layer(parameter.layer)) is not None
        and not layer.feeds_loss
    )
    return smallest(hidden)


def correlation(run: RunRecord) -> float:
    return serial_correlation(LabelOrderedBatches()._labels(run)).value


def correlation_deviations(run: RunRecord) -> float:
    return serial_correlation(LabelOrderedBatches()._labels(run)).deviations


def label_dispersion(run: RunRecord) -> float:
    return dispersion(LabelOrderedBatches()._labels(run)).ratio


def label_share(run: RunRecord) -> float:
    return dispersion(LabelOrderedBatches()._labels(run)).share


def perplexity(run: RunRecord) -> float:
    counts = np.array([count for count in label_totals(run).values() if count > 0])
    if len(counts) < 2:
        return NAN
    shares = counts / counts.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()) / len(counts))


def top_share(run: RunRecord) -> float:
    """The share that the most predicted class keeps over the last fifth of the run."""
    every = (
        each.between(int(0.8 * run.steps), run.steps)
        for each in run.of("prediction_top_share").values()
    )
    return largest(each.values.min() for each in every if len(each) >= LAST)


def input_offset(run: RunRecord) -> float:
    deviations = run.of("input_std")
    return largest(
        abs(mean.median()) / deviations[layer].median()
        for layer, mean in run.of("input_mean").items()
        if layer in deviations and deviations[layer].median() > 0
    )


def of_evaluation(measure: Callable[[Generalization], float]) -> Callable[[RunRecord], float]:
    def of_run(run: RunRecord) -> float:
        if len(run.of("loss")) != 1:
            return NAN
        places = generalizations(run, next(iter(run.of("loss"))))
        enough = Overfitting().min_evaluations
        return largest(measure(each) for each in places if len(each.losses) >= enough)

    return of_run


def rise(seen: Generalization) -> float:
    """What the last two evaluation losses both lie above the lowest."""
    return float(seen.losses.values[-2:].min()) - seen.lowest


def relative_fall_at_end(run: RunRecord, course: Course) -> float:
    """Fall of a straight line through the last fifth of the losses over the whole fall."""
    del run
    losses = course.losses.finite().part(0.8, 1.0)
    whole = course.trend.start - course.trend.end
    if len(losses) < 10 or whole <= 0 or not course.trend.is_learning:
        return NAN
    position = np.linspace(0.0, 1.0, len(losses))
    return -float(np.polyfit(position, losses.values, 1)[0]) / whole


def loss_growth(run: RunRecord, course: Course) -> float:
    del run
    return course.trend.end / max(course.trend.start, course.losses.finite().first)


def loss_peak(run: RunRecord, course: Course) -> float:
    del run
    finite = course.losses.finite()
    return finite.values.max() / max(course.trend.start, finite.first)


def gain(run: RunRecord) -> float:
    return smallest(course.trend.gain for course in courses(run))


def fails(run: RunRecord) -> float:
    return max(float(is_failing(run, name)) for name in run.of("loss")) if run.of("loss") else NAN


QUANTITIES: tuple[Quantity, ...] = (
    Quantity("(gate)", "share of runs that is_failing() calls failing", 0.5, fails),
    Quantity(
        "(gate)",
        "share of runs with a harmed loss",
        0.5,
        of_course(lambda _, course: float(course.is_harmed)),
    ),
    Quantity("dead-relu", "dead units", DeadReLU().max_fraction, lasting("dead_unit_fraction")),
    Quantity(
        "saturated-activation",
        "saturated",
        SaturatedActivation().max_fraction,
        lasting("saturated_fraction"),
    ),
    Quantity("constant-output", "spread of outputs / limit (below)", 1.0, constant_output),
    Quantity(
        "vanishing-gradient",
        "first / last gradient (below)",
        VanishingGradient().min_ratio,
        of_course(gradient_ratio),
    ),
    Quantity(
        "exploding-gradient",
        "first / last gradient",
        ExplodingGradient().max_ratio,
        of_course(gradient_ratio),
    ),
    Quantity(
        "exploding-gradient",
        "largest / first gradient norm",
        ExplodingGradient().max_growth,
        of_course(gradient_growth),
    ),
    Quantity(
        "learning-rate-too-high",
        "largest step / weight",
        LearningRateTooHigh().max_step,
        of_course(largest_step),
    ),
    Quantity(
        "learning-rate-too-low",
        "usual step / weight (below)",
        LearningRateTooLow().max_step,
        of_course(usual_step),
    ),
    Quantity(
        "learning-rate-too-low",
        "possible fall (below)",
        LearningRateTooLow().max_fall,
        of_course(possible_fall),
    ),
    Quantity(
        "missing-zero-grad",
        "carried gradient",
        MissingZeroGrad().max_ratio,
        median_of("carried_gradient_ratio", largest),
    ),
    Quantity(
        "unbroken-symmetry", "spread of units (below)", UnbrokenSymmetry().max_spread, unit_spread
    ),
    Quantity("loss-plateau", "gain (below)", 0.05, gain),
    Quantity("loss-divergence", "end / start", LossDivergence().max_growth, of_course(loss_growth)),
    Quantity("loss-divergence", "peak / start", LossDivergence().max_peak, of_course(loss_peak)),
    Quantity(
        "label-ordered-batches",
        "serial correlation",
        LabelOrderedBatches().max_correlation,
        correlation,
    ),
    Quantity(
        "label-ordered-batches",
        "its standard deviations",
        LabelOrderedBatches().standard_deviations,
        correlation_deviations,
    ),
    Quantity(
        "label-ordered-batches",
        "dispersion",
        LabelOrderedBatches().max_dispersion,
        label_dispersion,
    ),
    Quantity(
        "label-ordered-batches", "share of variance", LabelOrderedBatches().max_share, label_share
    ),
    Quantity(
        "class-imbalance",
        "perplexity / classes (below)",
        ClassImbalance().min_perplexity,
        perplexity,
    ),
    Quantity("class-imbalance", "top share, last fifth", ClassImbalance().min_top_share, top_share),
    Quantity(
        "unscaled-input",
        "largest scale",
        UnscaledInput().max_scale,
        median_of("input_largest_scale", largest),
    ),
    Quantity(
        "unscaled-input",
        "largest scale (below)",
        UnscaledInput().min_scale,
        median_of("input_largest_scale", smallest),
    ),
    Quantity("unscaled-input", "offset / spread", UnscaledInput().max_offset, input_offset),
    Quantity(
        "unscaled-input",
        "ratio of scales",
        UnscaledInput().max_ratio,
        median_of("input_scale_ratio", largest),
    ),
    Quantity(
        "overfitting",
        "rise / lowest",
        Overfitting().min_rise,
        of_evaluation(lambda seen: rise(seen) / abs(seen.lowest)),
    ),
    Quantity(
        "overfitting",
        "rise / constant prediction",
        Overfitting().min_harm,
        of_evaluation(lambda seen: rise(seen) / abs(seen.scale)),
    ),
    Quantity(
        "overfitting",
        "rise / noise",
        Overfitting().noise_deviations,
        of_evaluation(lambda seen: rise(seen) / max(noise(seen.losses), 1e-12)),
    ),
    Quantity(
        "too-few-epochs",
        "fall in the last fifth / whole",
        TooFewEpochs().min_share,
        of_course(relative_fall_at_end),
    ),
)
