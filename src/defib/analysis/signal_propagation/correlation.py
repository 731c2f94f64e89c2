"""How the correlation of two inputs changes from layer to layer."""

from __future__ import annotations

import math

import numpy as np

from defib.analysis.signal_propagation.activations import Activation
from defib.analysis.signal_propagation.gaussian import gaussian_mean
from defib.analysis.signal_propagation.mean_field import RandomNetwork, variance_map


def activation_product(activation: Activation, q: float, correlation: float) -> float:
    """E[φ(u) φ(v)] for Gaussian u, v of variance q and the given correlation."""
    deviation = math.sqrt(q)
    rest = deviation * math.sqrt(max(0.0, 1 - correlation**2))

    def product(u: np.ndarray) -> np.ndarray:
        # v given u: Gaussian around correlation · u.
        conditional = gaussian_mean(
            activation.function, mean=correlation * u, deviation=rest, kinks=activation.splits
        )
        return activation.function(u) * conditional

    return float(gaussian_mean(product, deviation=deviation, kinks=activation.splits))


def correlation_map(network: RandomNetwork, correlation: float, q: float) -> float:
    """The next layer's correlation, for two inputs that both have the second moment q."""
    product = activation_product(network.activation, q, correlation)
    covariance = network.weight_variance * product + network.bias_variance
    return covariance / variance_map(network, q)


def relu_correlation_map(correlation: float) -> float:
    """[√(1−c²) + c(π − arccos c)]/π: the exact map of a ReLU without bias.

    Cho & Saul (2009), the arc-cosine kernel of degree 1. 1 − c falls as 9π²/(2 l²) with depth l.
    """
    c = min(max(correlation, -1.0), 1.0)
    return (math.sqrt(1 - c * c) + c * (math.pi - math.acos(c))) / math.pi
