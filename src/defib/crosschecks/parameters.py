"""Counts of a chain, by what `defib inspect` counts in torch's own layers."""

from __future__ import annotations

from collections.abc import Iterator

from defib.analysis.inspection import inspect
from defib.crosschecks.chain_networks import input_size, network_of
from defib.derivations.comparison import compare
from defib.derivations.parameters import Parameters
from defib.records.derivation import Check, Derivation


def checks(problem: Parameters, derivation: Derivation) -> Iterator[Check]:
    """Weights, biases and multiply-accumulates of every layer."""
    del derivation
    network = network_of(problem.counted)
    architecture = inspect(network, input_size(problem.counted))
    layers = {layer.name: layer for layer in architecture.layers}
    pairs = []
    for position, each in enumerate(problem.counted):
        layer = layers[str(position)]
        pairs += [
            (each.weights.value, layer.weights.value),
            (each.biases.value, layer.biases.value),
            (each.macs.value, layer.macs.value),
        ]
    yield compare("defib inspect", "weights, biases, multiply-accumulates of each layer", pairs)
    counted = sum(parameter.numel() for parameter in network.parameters())
    yield compare("torch", "the number of parameters", [(problem.totals()["parameters"], counted)])
