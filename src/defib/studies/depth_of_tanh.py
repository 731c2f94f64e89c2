"""Why does tanh work in 2 layers and fail in 8, and which remedy helps most?

Fully connected networks of 32 units per hidden layer learn handwritten digits by plain SGD. The
base has tanh and weights N(0, 0.01²), as AlexNet and many codes of its time; then, with 8 layers,
one thing at a time is changed: Glorot's weights, batch normalisation before each tanh, ReLU with
He's weights, skip connections around the hidden layers, and PyTorch's default weights.

Each network is given the best of several learning rates by its loss at the end; the remedies are
ranked by that loss. Gradients are those of the first batch, before any step: by a layer's outputs,
and by its weights. The latter are products of what comes forward and what comes back. With weights
that are too small both shrink, each in its direction, so that the weight gradients of all layers
are alike: alike tiny.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch

from defib.datasets.standard import standardized_digits
from defib.records.chart import Bars, Chart, Line, Lines, Mark
from defib.records.study import Claim, Published, StudyResult, Sureness, Table, Value
from defib.studies.base import Study
from defib.studies.deep_digits import (
    BATCH_SIZE,
    CHANCE_LOSS,
    SMALL,
    Variant,
    draw_variant,
    layer_outputs,
    train_variant,
)
from defib.studies.intervals import (
    above,
    always,
    below,
    difference_interval,
    mean_interval,
    together,
)
from defib.studies.pictures import bars_in_order
from defib.studies.stacks import (
    Stack,
    cross_entropies,
    generator_of,
    glorot,
    he,
)
from defib.studies.tables import table

VANISHED = 1e-3
"""A gradient smaller than another by this factor counts as vanished."""
TRAINED = 0.5
"""Validation accuracy above which a network counts as trained; chance is 0.1."""


def torch_default(fan_in: int, _: int) -> float:
    """1/√(3 fan-in), the deviation of torch.nn.Linear's uniform weights."""
    return 1 / math.sqrt(3 * fan_in)


BASE = "8 layers"
VARIANTS = {
    "2 layers": Variant(2),
    BASE: Variant(8),
    "PyTorch weights": Variant(8, deviation=torch_default),
    "Glorot weights": Variant(8, deviation=glorot),
    "batch normalisation": Variant(8, is_normalized=True),
    "ReLU, He weights": Variant(8, torch.relu, he),
    "skip connections": Variant(8, has_skips=True),
}
REMEDIES = tuple(VARIANTS)[3:]


@final
@dataclass(frozen=True)
class Config:
    """`learning_rates` are tried for every network."""

    seeds: int
    steps: int = 120
    learning_rates: tuple[float, ...] = (0.03, 0.1, 0.3, 1.0)


QUICK = Config(seeds=3)
FULL = Config(seeds=8, steps=600, learning_rates=(0.01, 0.03, 0.1, 0.3, 1.0))


def measure(config: Config, seed: int) -> Mapping[str, Table]:
    gradients, outcomes = [], []
    for name, variant in VARIANTS.items():
        generator = generator_of(seed)
        one = draw_variant(variant, generator)
        by_outputs, by_weights = _gradient_norms(variant, one, generator)
        gradients += [
            (name, at + 1, *norms)
            for at, norms in enumerate(zip(by_outputs, by_weights, strict=True))
        ]
        outcomes.append(
            (name, *train_variant(variant, one, config.learning_rates, config.steps, generator))
        )
    return {
        "gradients": table("network layer", "by_outputs by_weights", gradients),
        "outcome": table("network", "learning_rate loss accuracy", outcomes),
    }


def _gradient_norms(
    variant: Variant, stack: Stack, generator: torch.Generator
) -> tuple[list[float], list[float]]:
    """Of every layer, by its outputs and by its weights."""
    inputs, targets = standardized_digits()
    chosen = torch.randperm(len(inputs), generator=generator)[:BATCH_SIZE]
    layers = layer_outputs(variant, stack, inputs[chosen])
    loss = cross_entropies(layers[-1], targets[chosen]).sum()
    gradients = torch.autograd.grad(loss, [*layers, *stack.weights])
    norms = [float(gradient.norm()) for gradient in gradients]
    return norms[: len(layers)], norms[len(layers) :]


def claims(result: StudyResult) -> tuple[Claim, ...]:
    outcome = result.by_seed("outcome")
    accuracy = {name: mean_interval(outcome.numbers("accuracy", network=name)) for name in VARIANTS}
    loss = {name: outcome.numbers("loss", network=name) for name in VARIANTS}
    gradients = result.by_seed("gradients")
    back = [_norms(gradients, "by_outputs", seed, BASE) for seed in gradients.distinct("seed")]
    arriving = [each[0] / each[-1] for each in back]
    weights = [
        max(_norms(gradients, "by_weights", seed, BASE))
        / min(_norms(gradients, "by_weights", seed, "2 layers"))
        for seed in gradients.distinct("seed")
    ]
    gains = {name: difference_interval(loss[BASE], loss[name]) for name in REMEDIES}
    ranked = sorted(REMEDIES, key=lambda name: -gains[name].estimate)
    default = mean_interval(outcome.numbers("accuracy", network="PyTorch weights"))
    return (
        Claim(
            "two-train-eight-do-not",
            f"With weights N(0, {SMALL:g}²), 2 layers of tanh train (validation accuracy above "
            f"{TRAINED:.0%}) and 8 do not, at any of the learning rates.",
            together(above(accuracy["2 layers"], TRAINED), below(accuracy[BASE], TRAINED)),
            accuracy["2 layers"].as_numbers("two_layers") | accuracy[BASE].as_numbers("eight"),
        ),
        Claim(
            "gradient-vanishes",
            "In the 8 layers less than a thousandth of the gradient arrives at the first layer's "
            "outputs, and no layer's weight gradient is a thousandth of those in 2 layers.",
            always(each < VANISHED for each in [*arriving, *weights]),
            {"arriving_share": max(arriving), "weight_gradients_ratio": max(weights)},
        ),
        Claim(
            "each-remedy-helps",
            f"Each remedy alone lowers the loss of the 8 layers: {', then '.join(ranked)}, from "
            "the largest gain to the smallest.",
            together(*(above(gain, 0.0) for gain in gains.values())),
            {name: gains[name].estimate for name in ranked}
            | {f"{name}_low": gains[name].low for name in ranked}
            | {f"{name}_high": gains[name].high for name in ranked},
        ),
        Claim(
            "default-weights",
            "PyTorch's default weights alone are enough for 8 layers of tanh to train.",
            above(default, TRAINED),
            default.as_numbers("accuracy"),
            Published(
                "variance 1/(3 fan-in): the second moment falls to a third per tanh layer",
                "torch.nn.Linear, kaiming_uniform with a = √5",
                Sureness.READ,
            ),
        ),
    )


def _norms(gradients: Table, column: str, seed: Value, network: str) -> tuple[float, ...]:
    return gradients.numbers(column, seed=seed, network=network)


def figures(result: StudyResult) -> tuple[Chart, ...]:
    gradients, outcome = result.tables["gradients"], result.tables["outcome"]
    panels = tuple(
        Lines(
            "layer",
            "gradient norm",
            tuple(
                Line(
                    name,
                    gradients.numbers("layer", network=name),
                    gradients.numbers(column, network=name),
                )
                for name in VARIANTS
            ),
            title,
            is_log_y=True,
        )
        for column, title in (("by_outputs", "by outputs"), ("by_weights", "by weights"))
    )
    ranked = sorted(VARIANTS, key=lambda name: outcome.numbers("loss", network=name)[0])
    losses = bars_in_order(outcome, "loss at the end", "loss", "network", ranked)
    return (
        Chart(
            "gradients",
            "Gradient norm by layer before the first step",
            "Left: on its way back from layer 8 the gradient of the base shrinks in every layer. "
            "Right: its weight gradients are alike in all layers, because the signals shrink as "
            "much on their way forward; they are alike tiny.",
            panels,
            columns=2,
            height=330,
        ),
        Chart(
            "ranking",
            "Training loss at the end, best learning rate of each",
            "; ".join(f"{n} {v:.2f}" for n, v in zip(ranked, losses.values, strict=True)) + ".",
            (
                Bars(
                    tuple(ranked), (losses,), "loss [nats]", marks=(Mark("guessing", CHANCE_LOSS),)
                ),
            ),
        ),
    )


STUDY = Study(("B4",), QUICK, FULL, measure, claims, figures)
