"""Probability that a ReLU network is born dead, by drawing many networks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from defib.analysis.signal_propagation.initialization import DrawLayer, he_normal
from defib.errors import UsageError

VALUES_AT_ONCE = 4_000_000
"""Activations and weights held in memory at a time: 32 MB of doubles."""


@final
@dataclass(frozen=True)
class BornDeadEstimate:
    """Share of the drawn networks with a hidden layer that is zero on every input point."""

    dead: int
    networks: int

    @property
    def probability(self) -> float:
        return self.dead / self.networks

    @property
    def standard_error(self) -> float:
        """√(p(1 − p)/n), with one dead and one live network added: not 0 where none was seen."""
        share = (self.dead + 1) / (self.networks + 2)
        return math.sqrt(share * (1 - share) / self.networks)


def both_signs() -> np.ndarray:
    """−1 and 1 as input points: enough for one input and no biases, where layers are cones."""
    return np.array([[-1.0], [1.0]])


def uniform_points(count: int, dimension: int, limit: float, *, seed: int) -> np.ndarray:
    """Points drawn uniformly from [−limit, limit]^dimension, shape (count, dimension)."""
    return np.random.default_rng(seed).uniform(-limit, limit, (count, dimension))


def simulate_born_dead(
    hidden_widths: Sequence[int],
    inputs: np.ndarray,
    draw_layer: DrawLayer = he_normal,
    *,
    networks: int,
    seed: int,
) -> BornDeadEstimate:
    """The share of random networks that are constant on `inputs` (points, dimension) at the start.

    Dead means exactly that: all units of one hidden layer are 0 on all points. A nearly constant
    output is another thing (leaky ReLUs produce those too).
    """
    if inputs.ndim != 2 or not hidden_widths or networks < 1:
        raise UsageError(
            "Expected inputs of shape (points, dimension), hidden widths and networks, got "
            f"{inputs.shape}, {tuple(hidden_widths)} and {networks}."
        )
    generator = np.random.default_rng(seed)
    dead = 0
    for count in _portions(networks, max(hidden_widths), inputs):
        dead += _dead_networks(hidden_widths, inputs, draw_layer, (generator, count))
    return BornDeadEstimate(dead, networks)


def _dead_networks(
    hidden_widths: Sequence[int],
    inputs: np.ndarray,
    draw_layer: DrawLayer,
    draws: tuple[np.random.Generator, int],
) -> int:
    generator, count = draws
    signals = np.broadcast_to(inputs.T, (count, *inputs.T.shape))
    for width in hidden_widths:
        layer = draw_layer(generator, len(signals), signals.shape[1], width)
        signals = np.maximum(layer.weights @ signals + layer.biases[..., None], 0)
        # A dead network stays dead: only the others are carried on.
        signals = signals[(signals > 0).any(axis=(1, 2))]
    return count - len(signals)


def _portions(networks: int, width: int, inputs: np.ndarray) -> Iterator[int]:
    points, dimension = inputs.shape
    size = max(1, VALUES_AT_ONCE // (max(width, dimension) * (points + max(width, dimension))))
    for start in range(0, networks, size):
        yield min(size, networks - start)
