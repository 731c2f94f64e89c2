"""Many small networks of one architecture side by side, as batched matrix products."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

Activation = Callable[[Tensor], Tensor]
Deviation = Callable[[int, int], float]
"""The standard deviation of a weight, by fan-in and fan-out."""


def identity(x: Tensor) -> Tensor:
    """x."""
    return x


def he(fan_in: int, _: int) -> float:
    """√(2/fan-in)."""
    return math.sqrt(2 / fan_in)


def glorot(fan_in: int, fan_out: int) -> float:
    """√(2/(fan-in + fan-out))."""
    return math.sqrt(2 / (fan_in + fan_out))


def lecun(fan_in: int, _: int) -> float:
    """√(1/fan-in)."""
    return math.sqrt(1 / fan_in)


def constant(deviation: float) -> Deviation:
    """The same for every layer."""
    return lambda _fan_in, _fan_out: deviation


@final
@dataclass(frozen=True, eq=False)
class Stack:
    """Fully connected networks: weights (networks, inputs, units), biases (networks, 1, units)."""

    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]
    activations: tuple[Activation, ...]

    def __call__(self, inputs: Tensor) -> Tensor:
        """Outputs (networks, examples, units) for inputs (examples, features) or one set each."""
        return self.layers(inputs)[-1]

    def layers(self, inputs: Tensor) -> list[Tensor]:
        """The output of every layer, behind its activation."""
        outputs: list[Tensor] = []
        signal = inputs
        for weight, bias, activation in zip(
            self.weights, self.biases, self.activations, strict=True
        ):
            signal = activation(signal @ weight + bias)
            outputs.append(signal)
        return outputs

    @property
    def networks(self) -> int:
        return len(self.weights[0])

    @property
    def parameters(self) -> list[Tensor]:
        return [*self.weights, *self.biases]


def draw_stack(
    widths: Sequence[int],
    activation: Activation,
    networks: int,
    generator: torch.Generator,
    *,
    deviation: Deviation = he,
    output: Activation = identity,
) -> Stack:
    """Networks of these widths (inputs first) with normal weights and biases of 0."""
    weights = tuple(
        (deviation(a, b) * torch.randn(networks, a, b, generator=generator)).requires_grad_()
        for a, b in pairwise(widths)
    )
    biases = tuple(torch.zeros(networks, 1, each, requires_grad=True) for each in widths[1:])
    activations = (*[activation] * (len(weights) - 1), output)
    return Stack(weights, biases, activations)


def with_zero_weights(stack: Stack) -> Stack:
    """The same networks, all weights and biases zero."""
    return replace(
        stack,
        weights=tuple(torch.zeros_like(each, requires_grad=True) for each in stack.weights),
        biases=tuple(torch.zeros_like(each, requires_grad=True) for each in stack.biases),
    )


def step(optimizer: torch.optim.Optimizer, losses: Tensor) -> None:
    """One step of every network on its own loss: the sum keeps their gradients apart."""
    optimizer.zero_grad()
    losses.sum().backward()
    optimizer.step()


def generator_of(seed: int) -> torch.Generator:
    """A random generator of its own for a job."""
    return torch.Generator().manual_seed(seed)


def logistic_losses(outputs: Tensor, targets: Tensor) -> Tensor:
    """The mean binary cross-entropy of each network; targets (examples, 1), 0 or 1."""
    wanted = targets.expand_as(outputs)
    losses = F.binary_cross_entropy_with_logits(outputs, wanted, reduction="none")
    return losses.mean(dim=(1, 2))


def cross_entropies(outputs: Tensor, targets: Tensor) -> Tensor:
    """The mean cross-entropy of each network, in nats; targets (examples,) are class numbers."""
    chosen = torch.log_softmax(outputs, dim=2)[:, torch.arange(len(targets)), targets]
    return -chosen.mean(dim=1)


def batches(examples: int, size: int, steps: int, generator: torch.Generator) -> Iterator[Tensor]:
    """The indices of `steps` batches: each epoch in a new order, an incomplete batch left out."""
    order, at = torch.randperm(examples, generator=generator), 0
    for _ in range(steps):
        if at + size > examples:
            order, at = torch.randperm(examples, generator=generator), 0
        yield order[at : at + size]
        at += size
