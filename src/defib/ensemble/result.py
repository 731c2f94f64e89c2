"""Ensembles of networks, and what a training of one leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from defib.ensemble.initialization import initial_parameters
from defib.ensemble.specification import Snapshots, Training
from defib.errors import UsageError


@final
@dataclass(frozen=True, eq=False)
class Ensemble:
    """Networks with their parameters: weights[layer] [networks, outputs, inputs], biases[layer]
    [networks, outputs]. `training` says what the networks are and how they compute."""

    training: Training
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]

    def __post_init__(self) -> None:
        layers = self.training.network.layers
        expected = [(self.networks, fan_out, fan_in) for fan_in, fan_out in layers]
        found = [weights.shape for weights in self.weights]
        biases = [array.shape for array in self.biases]
        if found != expected or biases != [shape[:2] for shape in expected]:
            raise UsageError(
                f"Weights of this network have the shapes {expected} and biases the first two "
                f"sizes of each; {found} and {biases} came."
            )

    @property
    def networks(self) -> int:
        return len(self.weights[0])

    def flat(self) -> np.ndarray:
        """[networks, parameters]: of each layer the weights [output][input], then the biases."""
        pairs = zip(self.weights, self.biases, strict=True)
        parts = [part.reshape(self.networks, -1) for pair in pairs for part in pair]
        return np.concatenate(parts, axis=1)


@final
@dataclass(frozen=True, eq=False)
class SnapshotSeries:
    """Statistics before the steps `steps`; an array that was not asked for is `None`.

    loss, output_minimum, output_maximum: [snapshots, networks]. dead_units: hidden units that are
    zero on all examples looked at, [snapshots, networks, hidden layers]. gradient_norm: 2-norm of
    the gradient of each layer's weights and biases, [snapshots, networks, layers].
    """

    steps: np.ndarray
    loss: np.ndarray | None
    dead_units: np.ndarray | None
    gradient_norm: np.ndarray | None
    output_minimum: np.ndarray | None
    output_maximum: np.ndarray | None


@final
@dataclass(frozen=True, eq=False)
class EnsembleResult:
    """The trained ensemble and its snapshots; `None` where none were asked for."""

    ensemble: Ensemble
    snapshots: SnapshotSeries | None
    compute_loss: Callable[[], np.ndarray]

    @cached_property
    def loss(self) -> np.ndarray:
        """[networks]: the mean loss of each network on all its data, computed when first read."""
        return self.compute_loss()

    @property
    def weights(self) -> tuple[np.ndarray, ...]:
        """weights[layer]: [networks, outputs, inputs]."""
        return self.ensemble.weights

    @property
    def biases(self) -> tuple[np.ndarray, ...]:
        """biases[layer]: [networks, outputs]."""
        return self.ensemble.biases


def unflattened(training: Training, parameters: np.ndarray) -> Ensemble:
    """The ensemble of the parameters [networks, parameters], whose arrays it looks into."""
    weights, biases, first = [], [], 0
    for fan_in, fan_out in training.network.layers:
        middle = first + fan_in * fan_out
        weights.append(parameters[:, first:middle].reshape(len(parameters), fan_out, fan_in))
        biases.append(parameters[:, middle : middle + fan_out])
        first = middle + fan_out
    return Ensemble(training, tuple(weights), tuple(biases))


def initial_ensemble(
    training: Training, networks: int, *, seed: int = 0, first_network: int = 0
) -> Ensemble:
    """The networks before their training, as `train_ensemble` of the same seed starts them."""
    indices = np.arange(first_network, first_network + networks)
    parameters = initial_parameters(training, indices, seed).astype(training.precision)
    return unflattened(training, parameters)


def snapshot_series(
    snapshots: Snapshots, steps: np.ndarray, rows: np.ndarray, layers: int
) -> SnapshotSeries:
    """The series of rows [snapshots, networks, columns] as the compiled code writes them."""
    wanted = snapshots.statistics
    is_range_wanted = "output_range" in wanted
    return SnapshotSeries(
        steps,
        rows[..., 0] if "loss" in wanted else None,
        rows[..., 3 : 2 + layers].astype(np.int64) if "dead_units" in wanted else None,
        np.sqrt(rows[..., 2 + layers :]) if "gradient_norm" in wanted else None,
        rows[..., 1] if is_range_wanted else None,
        rows[..., 2] if is_range_wanted else None,
    )
