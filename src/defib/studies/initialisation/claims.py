"""What the study claims, and what decides it."""

from __future__ import annotations

import math

from defib.records.study import Claim, Published, StudyResult, Sureness
from defib.studies.initialisation.networks import CHANCE_LOSS, GODOY, HIDDEN_LAYERS
from defib.studies.intervals import (
    Interval,
    above,
    below,
    difference_interval,
    mean_interval,
    ratio_interval,
    together,
    within,
)


def claims(result: StudyResult) -> tuple[Claim, ...]:
    return (
        _vanish_or_saturate(result),
        _sigmoid_vanishes(result),
        _relu_ratios(result),
        _as_predicted(result),
        _glorot_trains(result),
        _he_before_glorot(result),
    )


def _last_to_first(result: StudyResult, function: str, start: str, column: str) -> Interval:
    """Geometric mean over the seeds of the last hidden layer's value over the first one's."""
    layers = result.by_seed("layers").where(activation=function, weights=start)
    return ratio_interval(
        layers.numbers(column, layer=HIDDEN_LAYERS), layers.numbers(column, layer=1)
    )


def _vanish_or_saturate(result: StudyResult) -> Claim:
    small = _last_to_first(result, "tanh", "σ = 0.01", "second_moment")
    good = _last_to_first(result, "tanh", "Glorot", "second_moment")
    layers = result.by_seed("layers").where(activation="tanh", layer=HIDDEN_LAYERS)
    large = mean_interval(layers.numbers("saturated", weights="σ = 0.28"))
    calm = mean_interval(layers.numbers("saturated", weights="Glorot"))
    return Claim(
        "tanh-vanishes-saturates-or-stays",
        "tanh over 5 layers: with σ = 0.01 the signal's second moment falls more than a million "
        "times, with σ = 0.28 more than a quarter of the last layer's values are saturated "
        "(|a| > 0.95), with Glorot's weights the moment stays within a factor of ten and under "
        "5 % are.",
        together(below(small, 1e-6), above(large, 0.25), above(good, 0.1), below(calm, 0.05)),
        small.as_numbers("small")
        | large.as_numbers("saturated_large")
        | good.as_numbers("glorot")
        | calm.as_numbers("saturated_glorot"),
        Published("activations vanish or saturate, Glorot's weights mend it", GODOY, Sureness.READ),
    )


def _sigmoid_vanishes(result: StudyResult) -> Claim:
    starts = ("σ = 0.01", "σ = 0.1", "Glorot")
    found = {start: _last_to_first_of_gradient(result, "sigmoid", start) for start in starts}
    tanh = _last_to_first_of_gradient(result, "tanh", "Glorot")
    return Claim(
        "sigmoid-gradients-vanish",
        "With sigmoid the gradient shrinks more than a hundred times from the last hidden layer "
        "to the first, also with Glorot's weights, with which that of tanh keeps at least a fifth.",
        together(*(below(each, 0.01) for each in found.values()), above(tanh, 0.2)),
        {f"sigmoid, {start}": each.estimate for start, each in found.items()}
        | tanh.as_numbers("tanh_glorot"),
        Published(
            "χ₁ = 0.0557 per layer for σ_w = 1: 0.0031 in amplitude over four",
            "mean field",
            Sureness.DERIVED,
            {"amplitude": 0.0557**2},
        ),
    )


def _last_to_first_of_gradient(result: StudyResult, function: str, start: str) -> Interval:
    layers = result.by_seed("layers").where(activation=function, weights=start)
    return ratio_interval(
        layers.numbers("gradient", layer=1), layers.numbers("gradient", layer=HIDDEN_LAYERS)
    )


RELU_FACTORS = {
    "σ = 0.1": 0.5,
    "σ = 0.14": 0.98,
    "σ = 0.28": 3.92,
    "He": 1.0,
    "Glorot": 0.5,
    "LeCun": 0.5,
    "PyTorch": 1 / 6,
}
"""Of the second moment per layer of 100 ReLUs."""


def _relu_ratios(result: StudyResult) -> Claim:
    verdicts, numbers = [], {}
    for start, factor in RELU_FACTORS.items():
        ratio = _last_to_first(result, "ReLU", start, "second_moment")
        steps = HIDDEN_LAYERS - 1
        per_layer = Interval(
            ratio.estimate ** (1 / steps),
            ratio.low ** (1 / steps),
            ratio.high ** (1 / steps),
            ratio.count,
        )
        verdicts.append(within(per_layer, 0.75 * factor, 1.33 * factor))
        numbers |= per_layer.as_numbers(start)
    return Claim(
        "relu-factors",
        "With ReLU the second moment changes per layer by the published factor (within a third): "
        "He's weights keep it, Glorot's and LeCun's halve it, PyTorch's divide it by six.",
        together(*verdicts),
        numbers,
        Published(
            "fan-in σ²/2: 0.5, 0.98 and 3.92 for σ = 0.10, 0.14, 0.28 and width 100; He 1, Glorot "
            "and LeCun 1/2, PyTorch 1/6",
            "He, Zhang, Ren, Sun (2015); intoli's article",
            Sureness.DERIVED,
            RELU_FACTORS,
        ),
    )


def _as_predicted(result: StudyResult) -> Claim:
    layers = result.by_seed("layers")
    errors = [
        [
            abs(math.log(measured / predicted))
            for measured, predicted in zip(
                part.numbers("ratio"), part.numbers("predicted_ratio"), strict=True
            )
            if not math.isnan(measured)
        ]
        for part in (layers.where(seed=seed) for seed in layers.distinct("seed"))
    ]
    typical = mean_interval(sum(each) / len(each) for each in errors)
    return Claim(
        "as-theory-predicts",
        "Over all activations, starts and layers the second moment changes as mean-field theory "
        "predicts: the mean |ln(measured/predicted)| is below 0.2, what 100 units scatter.",
        below(typical, 0.2),
        typical.as_numbers("mean_error") | {"largest_error": max(map(max, errors))},
        Published(
            "q' = σ_w² E[φ(√q z)²]",
            "Poole et al. (2016), mean field for wide layers",
            Sureness.DERIVED,
        ),
    )


def _losses(result: StudyResult, function: str, start: str) -> tuple[float, ...]:
    training = result.by_seed("training")
    return training.numbers("loss", activation=function, weights=start)


def _glorot_trains(result: StudyResult) -> Claim:
    small = mean_interval(_losses(result, "tanh", "σ = 0.01"))
    good = mean_interval(_losses(result, "tanh", "Glorot"))
    return Claim(
        "glorot-trains-tanh",
        "With Glorot's weights tanh trains (below half of the loss of guessing), with σ = 0.01 it "
        "does not leave that loss (within 1 %).",
        together(below(good, 0.5 * CHANCE_LOSS), above(small, 0.99 * CHANCE_LOSS)),
        good.as_numbers("glorot") | small.as_numbers("small") | {"guessing": CHANCE_LOSS},
    )


def _he_before_glorot(result: StudyResult) -> Claim:
    gain = difference_interval(_losses(result, "ReLU", "Glorot"), _losses(result, "ReLU", "He"))
    return Claim(
        "he-before-glorot",
        "With ReLU, He's weights reach a lower loss in the same number of steps than Glorot's.",
        above(gain, 0.0),
        gain.as_numbers("loss_lower_by"),
        Published(
            "for ReLU He is better than Glorot",
            "laboratory, part 1; He et al. (2015) for 30 layers",
            Sureness.REMEMBERED,
        ),
        reason="Over 5 layers Glorot's weights lose a factor of 16 in the second moment, which a "
        "higher learning rate makes up for.",
    )
