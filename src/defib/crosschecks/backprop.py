"""The gradients and steps of a small network, by torch's autograd and its optimisers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from defib.crosschecks.optimizer import TORCH_NAMES
from defib.derivations.algebra import Matrix, sympy
from defib.derivations.backprop import Backprop
from defib.derivations.comparison import compare
from defib.derivations.network import Network
from defib.derivations.propagation import gradient_of, parameters_of, propagate, train
from defib.records.derivation import Check, Derivation

TOLERANCE = 1e-9
"""Relative to the largest number: double precision through a few layers."""

ACTIVATIONS: Mapping[str, nn.Module] = {
    "identity": nn.Identity(),
    "relu": nn.ReLU(),
    "leaky-relu": nn.LeakyReLU(),
    "sigmoid": nn.Sigmoid(),
    "tanh": nn.Tanh(),
}


def checks(problem: Backprop, derivation: Derivation) -> Iterator[Check]:
    """Every gradient, and every parameter after the steps; unknown weights get some number."""
    del derivation  # with unknown weights its results are no numbers
    network = problem.resolved
    # Thirds and fifths of different signs, so that no sum happens to vanish.
    numbers = {
        unknown: sympy.Rational((-1) ** n * (n + 2), 3 + 2 * n)
        for n, unknown in enumerate(network.unknowns)
    }
    network = network.with_numbers(numbers)
    exact = propagate(network)
    layers = [_linear(layer.weights, layer.biases) for layer in network.layers]
    _loss(network, layers).backward()
    found = [_number(layers, each.layer, each.unit, each.source) for each in parameters_of(network)]
    pairs = [
        (float(gradient_of(exact, each)), gradient)
        for each, (_, gradient) in zip(parameters_of(network), found, strict=True)
    ]
    chosen = ", ".join(f"{name} = {value}" for name, value in numbers.items())
    with_numbers = f" with {chosen}" if chosen else ""
    yield compare("autograd", f"every gradient{with_numbers}", pairs, tolerance=_tolerance(pairs))
    yield _after_steps(network, layers, with_numbers)


def _after_steps(network: Network, layers: list[nn.Linear], with_numbers: str) -> Check:
    kind, options = TORCH_NAMES[network.optimizer]
    parameters = [each for layer in layers for each in layer.parameters()]
    settings = {**options, "lr": float(network.learning_rate)}
    optimizer = getattr(torch.optim, kind)(parameters, **settings)
    for _ in range(network.steps):
        optimizer.zero_grad()
        _loss(network, layers).backward()
        optimizer.step()
    after = train(replace(network))[-1].values
    pairs = [
        (float(values["p"]), _number(layers, each.layer, each.unit, each.source)[0])
        for each, values in after.items()
    ]
    steps = f"{network.steps} step{'s' if network.steps > 1 else ''}"
    return compare(
        "torch's own optimiser",
        f"every parameter after {steps}{with_numbers}",
        pairs,
        tolerance=_tolerance(pairs),
    )


def _tolerance(pairs: list[tuple[float, float]]) -> float:
    return TOLERANCE * max(1.0, *(abs(left) for left, _ in pairs))


def _linear(weights: Matrix, biases: Matrix) -> nn.Linear:
    layer = nn.Linear(weights.cols, weights.rows, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(_tensor(weights))
        layer.bias.copy_(_tensor(biases).flatten())
    return layer


def _tensor(matrix: Matrix) -> Tensor:
    rows = [[float(each) for each in row] for row in matrix.tolist()]
    return torch.tensor(rows, dtype=torch.float64)


def _loss(network: Network, layers: list[nn.Linear]) -> Tensor:
    signal = _tensor(network.inputs).flatten()
    for layer, described in zip(layers, network.layers, strict=True):
        signal = ACTIVATIONS[described.activation](layer(signal))
    target = _tensor(network.target).flatten()
    match network.loss:
        case "squared-error":
            return ((signal - target) ** 2).sum()
        case "half-squared-error":
            return ((signal - target) ** 2).sum() / 2
        case "cross-entropy":
            return F.cross_entropy(signal[None], target.long())
        case "binary-cross-entropy":
            return F.binary_cross_entropy_with_logits(signal, target)
        case other:
            raise AssertionError(other)


def _number(
    layers: list[nn.Linear], layer: int, unit: int, source: int | None
) -> tuple[float, float]:
    """A parameter and its gradient."""
    tensor = layers[layer].bias if source is None else layers[layer].weight
    assert tensor.grad is not None
    place = unit if source is None else (unit, source)
    return float(tensor.detach()[place]), float(tensor.grad[place])
