"""What goes forward and what comes back through the layers of untrained networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch

from defib.datasets.standard import standardized_digits
from defib.studies.initialisation.networks import BATCH_SIZE, QUANTILES, SATURATED
from defib.studies.stacks import Stack, cross_entropies


@final
@dataclass(frozen=True)
class Signal:
    """One layer: moments of pre-activations and of gradients by them, and distributions."""

    second_moment: float
    gradient: float
    saturated: float
    quantiles: tuple[float, ...]
    gradient_quantiles: tuple[float, ...]


def uniform(stack: Stack, generator: torch.Generator) -> Stack:
    """Uniform weights of the same variance: 1/(3 fan-in) is that of U(±1/√fan-in)."""
    weights = tuple(
        (
            (2 * torch.rand(each.shape, generator=generator) - 1) / each.shape[1] ** 0.5
        ).requires_grad_()
        for each in stack.weights
    )
    return Stack(weights, stack.biases, stack.activations)


def signals_of(stack: Stack) -> list[Signal]:
    inputs, targets = standardized_digits()
    chosen = slice(0, 4 * BATCH_SIZE)
    signal: torch.Tensor = inputs[chosen]
    before, after = [], []
    for weight, bias, activation in zip(
        stack.weights, stack.biases, stack.activations, strict=True
    ):
        before.append(signal @ weight + bias)
        signal = activation(before[-1])
        after.append(signal)
    loss = cross_entropies(signal, targets[chosen]).sum()
    gradients = torch.autograd.grad(loss, before[:-1])
    levels = torch.linspace(0, 1, QUANTILES)
    return [
        Signal(
            float(z.detach().double().square().mean()),
            float(gradient.double().square().mean().sqrt()),
            float((a.detach().abs() > SATURATED).float().mean()),
            tuple(torch.quantile(a.detach().flatten(), levels).tolist()),
            tuple(torch.quantile(gradient.flatten(), levels).tolist()),
        )
        for z, a, gradient in zip(before, after, gradients, strict=False)
    ]
