"""Deep networks that learn handwritten digits, with and without the usual remedies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from defib.datasets.standard import standardized_digits, standardized_digits_held_out
from defib.studies.stacks import (
    Activation,
    Deviation,
    Stack,
    batches,
    cross_entropies,
    draw_stack,
)

INPUTS, WIDTH, CLASSES = 64, 32, 10
BATCH_SIZE = 64
SMALL = 0.01
EPSILON = 1e-5
"""Of batch normalisation; torch's."""
CHANCE_LOSS = math.log(CLASSES)
"""Of ten classes that occur equally often, in nats."""


def small(_fan_in: int, _fan_out: int) -> float:
    """The same for every layer."""
    return SMALL


@final
@dataclass(frozen=True)
class Variant:
    """A network of `layers` layers with weights."""

    layers: int
    activation: Activation = torch.tanh
    deviation: Deviation = small
    is_normalized: bool = False
    has_skips: bool = False


def draw_variant(variant: Variant, generator: torch.Generator) -> Stack:
    """One network of this kind, before training."""
    widths = (INPUTS, *[WIDTH] * (variant.layers - 1), CLASSES)
    return draw_stack(widths, variant.activation, 1, generator, deviation=variant.deviation)


def layer_outputs(variant: Variant, stack: Stack, inputs: Tensor) -> list[Tensor]:
    """The output of every layer, the scores last."""
    outputs = [inputs]
    last = len(stack.weights) - 1
    for at, (weight, bias) in enumerate(zip(stack.weights, stack.biases, strict=True)):
        signal = outputs[-1] @ weight + bias
        if at < last:
            signal = variant.activation(_normalized(signal) if variant.is_normalized else signal)
            if variant.has_skips and at > 0:
                signal = signal + outputs[-1]
        outputs.append(signal)
    return outputs[1:]


def _normalized(signal: Tensor) -> Tensor:
    """Each unit with mean 0 and variance 1 over the examples."""
    center = signal.mean(dim=1, keepdim=True)
    spread = signal.var(dim=1, unbiased=False, keepdim=True)
    return (signal - center) / torch.sqrt(spread + EPSILON)


def train_variant(
    variant: Variant,
    one: Stack,
    learning_rates: Sequence[float],
    steps: int,
    generator: torch.Generator,
) -> tuple[float, float, float]:
    """Best learning rate, its loss on all examples, its accuracy on held-out ones.

    Batch normalisation uses the statistics of what it is given: of all examples at the end.
    """
    rates = torch.tensor(learning_rates)[:, None, None]
    stack = Stack(
        tuple(each.detach().repeat(len(rates), 1, 1).requires_grad_() for each in one.weights),
        tuple(each.detach().repeat(len(rates), 1, 1).requires_grad_() for each in one.biases),
        one.activations,
    )
    inputs, targets = standardized_digits()
    for chosen in batches(len(inputs), BATCH_SIZE, steps, generator):
        losses = cross_entropies(layer_outputs(variant, stack, inputs[chosen])[-1], targets[chosen])
        gradients = torch.autograd.grad(losses.sum(), stack.parameters)
        with torch.no_grad():
            for parameter, gradient in zip(stack.parameters, gradients, strict=True):
                parameter -= rates * gradient
    with torch.no_grad():
        losses = cross_entropies(layer_outputs(variant, stack, inputs)[-1], targets)
        best = int(torch.nan_to_num(losses, nan=math.inf).argmin())
        held_out, labels = standardized_digits_held_out()
        right = layer_outputs(variant, stack, held_out)[-1][best].argmax(dim=1) == labels
    return learning_rates[best], float(losses[best]), float(right.float().mean())
