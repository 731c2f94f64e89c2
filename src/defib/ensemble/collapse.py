"""Three answers to "has this network collapsed?", of which only the first is exact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from defib.ensemble.data import Data, prepared
from defib.ensemble.evaluation import outputs, unit_ranges
from defib.ensemble.result import Ensemble

CONSTANT_RANGE = 1e-6
"""Outputs closer together are taken for constant. Weak: a leaky ReLU of slope 0.01 in each of 9
narrow layers makes outputs that are closer though no unit is dead."""
UNLEARNED_SHARE = 0.95
"""Share of the targets' variance left as squared error. Weak: a network too small for its task
leaves as much though no unit is dead."""
_PART = 32
"""Networks at a time: their outputs on some thousand points stay in the processor's cache."""


@final
@dataclass(frozen=True, eq=False)
class Collapse:
    """Which networks have collapsed, [networks], by each definition.

    is_dead: some hidden ReLU layer is zero for all data, so that the network is constant and no
    gradient reaches a weight below that layer: exact (Lu et al. 2019, section 3). is_constant: all
    outputs are within `CONSTANT_RANGE`. is_unlearned: the squared error is at least
    `UNLEARNED_SHARE` of the variance of the targets.
    """

    is_dead: np.ndarray
    is_constant: np.ndarray
    is_unlearned: np.ndarray


def dead_layers(
    ensemble: Ensemble, inputs: np.ndarray, *, threads: int | None = None
) -> np.ndarray:
    """[networks, hidden layers]: the layer is ReLU and all its units are zero for all inputs."""
    activations = ensemble.training.network.parsed_activations[:-1]
    ranges = unit_ranges(ensemble, inputs, threads=threads)
    flags = [
        unit.is_zero.all(axis=1) & (activation.name == "relu")
        for unit, activation in zip(ranges, activations, strict=False)
    ]
    return np.stack(flags, axis=1) if flags else np.zeros((ensemble.networks, 0), dtype=bool)


def collapse(ensemble: Ensemble, data: Data, *, threads: int | None = None) -> Collapse:
    """Which networks have collapsed on `data`, by all three definitions."""
    ready = prepared(data, ensemble.training, ensemble.networks)
    computed = outputs(ensemble, ready.inputs, threads=threads)
    # Shared targets stand for those of each network.
    targets = np.broadcast_to(ready.targets, computed.shape)
    parts = [slice(first, first + _PART) for first in range(0, ensemble.networks, _PART)]
    weak = [_constant_and_unlearned(computed[part], targets[part]) for part in parts]
    is_constant, is_unlearned = (np.concatenate(each) for each in zip(*weak, strict=True))
    is_dead = dead_layers(ensemble, ready.inputs, threads=threads).any(axis=1)
    return Collapse(np.asarray(is_dead), is_constant, is_unlearned)


def _constant_and_unlearned(
    computed: np.ndarray, targets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """[networks] each, of outputs and targets [networks, points, outputs]."""
    spread = (computed.max(axis=1) - computed.min(axis=1)).max(axis=1)
    exact = targets.astype(np.float64)
    error = np.square(computed - exact).mean(axis=(1, 2))
    variance = exact.var(axis=1).mean(axis=1)
    return spread < CONSTANT_RANGE, error >= UNLEARNED_SHARE * variance
