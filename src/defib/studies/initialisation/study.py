"""How do initial weights decide whether activations and gradients vanish, explode or stay?

Networks of 5 hidden layers of 100 units get handwritten digits (scikit-learn's, standardised). For
tanh, sigmoid and ReLU the weights are normal with several standard deviations, or of Glorot, He
or LeCun (normal), or uniform as PyTorch's default; biases start at 0. Before training, the
activations of each layer and the gradients by its pre-activations are recorded on a batch. The
second moment of the pre-activations, layer by layer, is compared with mean-field theory: from the
measured moment q of one layer it predicts σ_w² E[φ(√q z)²] for the next, with σ_w² = fan-in times
the weights' variance.

Then each trains by plain SGD at the best of several learning rates.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch

from defib.analysis.signal_propagation.mean_field import RandomNetwork, variance_map
from defib.datasets.standard import standardized_digits
from defib.records.study import Table
from defib.studies.base import MOST_SEEDS, Study
from defib.studies.initialisation.claims import claims
from defib.studies.initialisation.figures import figures
from defib.studies.initialisation.networks import (
    BATCH_SIZE,
    CLASSES,
    FUNCTIONS,
    HIDDEN_LAYERS,
    INPUTS,
    SHOWN,
    STARTS,
    WIDTH,
)
from defib.studies.initialisation.signals import signals_of, uniform
from defib.studies.stacks import Stack, batches, cross_entropies, draw_stack, generator_of, step
from defib.studies.tables import table


@final
@dataclass(frozen=True)
class Config:
    """`drawn` networks for the moments; one of them gets `steps` of SGD at each learning rate."""

    seeds: int
    steps: int = 30
    drawn: int = 5
    learning_rates: tuple[float, ...] = (0.03, 0.3)


QUICK = Config(seeds=4)
FULL = Config(seeds=10, drawn=20, steps=300, learning_rates=(0.01, 0.03, 0.1, 0.3, 1.0))


def measure(config: Config, seed: int) -> Mapping[str, Table]:
    layers, spreads, outcomes = [], [], []
    for function, (activation, theory) in FUNCTIONS.items():
        for start, deviation in STARTS.items():
            generator = generator_of(seed)
            widths = (INPUTS, *[WIDTH] * HIDDEN_LAYERS, CLASSES)
            stack = draw_stack(widths, activation, config.drawn, generator, deviation=deviation)
            if start == "PyTorch":
                stack = uniform(stack, generator)
            signals = signals_of(stack)
            for at, signal in enumerate(signals):
                variance = WIDTH * deviation(WIDTH, WIDTH) ** 2
                network = RandomNetwork(theory, variance)
                ratio = predicted = None
                if at > 0:
                    before = signals[at - 1].second_moment
                    ratio = signal.second_moment / before
                    predicted = variance_map(network, before) / before
                layers.append(
                    (
                        function,
                        start,
                        at + 1,
                        signal.second_moment,
                        signal.gradient,
                        ratio,
                        predicted,
                        signal.saturated,
                    )
                )
                if seed % MOST_SEEDS == 0 and start in SHOWN:
                    spreads += [
                        (function, start, at + 1, level, a, g)
                        for level, (a, g) in enumerate(
                            zip(signal.quantiles, signal.gradient_quantiles, strict=True)
                        )
                    ]
            outcomes.append((function, start, *_train(stack, config, generator)))
    moments = "second_moment gradient ratio predicted_ratio saturated"
    tables = {
        "layers": table("activation weights layer", moments, layers),
        "training": table("activation weights", "learning_rate loss", outcomes),
    }
    shown = "activation weights layer level activation_quantile gradient_quantile"
    return tables | ({"spreads": table(shown, "", spreads)} if spreads else {})


def _train(stack: Stack, config: Config, generator: torch.Generator) -> tuple[float, float]:
    """Of the first network the best learning rate, and the loss over all examples there."""
    rates = torch.tensor(config.learning_rates)
    repeated = Stack(
        tuple(_first_repeated(each, len(rates)) for each in stack.weights),
        tuple(_first_repeated(each, len(rates)) for each in stack.biases),
        stack.activations,
    )
    inputs, targets = standardized_digits()
    # Each network's loss times its rate, with rate 1: its own learning rate.
    optimizer = torch.optim.SGD(repeated.parameters, lr=1.0)
    for chosen in batches(len(inputs), BATCH_SIZE, config.steps, generator):
        step(optimizer, rates * cross_entropies(repeated(inputs[chosen]), targets[chosen]))
    with torch.no_grad():
        losses = torch.nan_to_num(cross_entropies(repeated(inputs), targets), nan=math.inf)
    best = int(losses.argmin())
    return config.learning_rates[best], float(losses[best])


def _first_repeated(parameter: torch.Tensor, times: int) -> torch.Tensor:
    return parameter.detach()[:1].repeat(times, 1, 1).requires_grad_()


STUDY = Study(("C1",), QUICK, FULL, measure, claims, figures)
