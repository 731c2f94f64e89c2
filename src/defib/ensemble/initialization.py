"""Where the weights of each network start, by the name of the initialisation.

| name | weights | biases |
| --- | --- | --- |
| `he_*` | variance 2 / fan_in | zero |
| `glorot_*` | variance 2 / (fan_in + fan_out) | zero |
| `lecun_*` | variance 1 / fan_in | zero |
| `torch` | U(-1/√fan_in, 1/√fan_in) | the same |
| `keras` | `glorot_uniform` | zero |
| `normal` | N(0, scale²) | zero |
| `zeros`, `constant` | 0, `scale` | zero |
| `orthogonal` | rows or columns orthonormal, times `scale` | zero |
| `rai` | randomised asymmetric | the same |

`*` is `normal`, `truncated` (at two standard deviations, then widened to the variance, as in
Keras) or `uniform`. Sources: He et al. 2015, Glorot & Bengio 2010, LeCun et al. 1998, Saxe et al.
2014; RAI: Lu et al., *Dying ReLU and Initialization* (2019), section 4 and its public code, which
treats all layers alike: (weights, bias) of a unit are N(0, 0.6007² / fan_in), but one of them,
chosen at random, is Beta(2, 1).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from defib.ensemble.random_numbers import normals, uniforms
from defib.ensemble.specification import Initialization, Network, Training

_TRUNCATED_DEVIATION = 0.87962566103423978
"""Standard deviation of a standard normal number between -2 and 2."""
_RAI_SCALE = 0.6007
"""-2√2/(3√π) + √(1 + 8/(9π)), so that the mean square keeps its size (Lu et al. 2019)."""
_WEIGHTS, _BIASES, _CHOICES, _ASYMMETRIC, _TRUNCATED = 1, 2, 3, 4, 5
"""Streams of random numbers; stream 0 is that of the orders. From `_TRUNCATED` on, each replaces
the numbers that are still out of bounds, a share of 0.0455^n."""
_ATTEMPTS = 40

Draw = Callable[[int, int], np.ndarray]
"""Stream, count -> random numbers [networks, count]."""


def initial_parameters(training: Training, networks: np.ndarray, seed: int) -> np.ndarray:
    """[networks, parameters] in float64: of each layer the weights [output][input], then biases.

    `networks` are indices: a network of the same index and seed starts the same in any ensemble.
    """
    network, initialization = training.network, training.initialization
    if initialization.name == "rai":
        return _randomized_asymmetric(network, networks, seed)
    uniform, normal = (partial(draw, seed, networks) for draw in (uniforms, normals))
    weights = _weights(initialization, network, uniform, normal)
    weights = initialization.scale * weights
    biases = np.zeros((len(networks), network.units))
    if initialization.name == "torch":
        widths = network.widths[1:]
        limits = np.repeat([1 / np.sqrt(fan_in) for fan_in, _ in network.layers], widths)
        biases = limits * (2 * uniform(_BIASES, network.units) - 1)
    elif initialization.bias_scale:
        biases = initialization.bias_scale * normal(_BIASES, network.units)
    return _interleaved(network, weights, biases)


def _interleaved(network: Network, weights: np.ndarray, biases: np.ndarray) -> np.ndarray:
    """Layer by layer the weights, then the biases, from those of all layers."""
    parts: list[np.ndarray] = []
    first, unit = 0, 0
    for fan_in, fan_out in network.layers:
        parts += [weights[:, first : first + fan_in * fan_out], biases[:, unit : unit + fan_out]]
        first, unit = first + fan_in * fan_out, unit + fan_out
    return np.concatenate(parts, axis=1)


def _weights(
    initialization: Initialization, network: Network, uniform: Draw, normal: Draw
) -> np.ndarray:
    """[networks, weights of all layers] before the scale."""
    counts = [fan_in * fan_out for fan_in, fan_out in network.layers]
    name = {"keras": "glorot_uniform", "torch": "lecun_uniform"}.get(
        initialization.name, initialization.name
    )
    match name:
        case "zeros" | "constant":
            networks = len(uniform(_WEIGHTS, 1))
            return np.full((networks, sum(counts)), float(name == "constant"))
        case "normal":
            return normal(_WEIGHTS, sum(counts))
        case "orthogonal":
            return _orthogonal(network, normal)
    family, kind = name.split("_")
    deviations = np.repeat([_deviation(family, *layer) for layer in network.layers], counts)
    if initialization.name == "torch":
        # U(-1/√fan_in, 1/√fan_in) has a third of LeCun's variance.
        deviations = deviations / np.sqrt(3)
    return deviations * _standard(kind, sum(counts), uniform, normal)


def _deviation(family: str, fan_in: int, fan_out: int) -> float:
    """Standard deviation of the weights."""
    variances = {"he": 2 / fan_in, "glorot": 2 / (fan_in + fan_out), "lecun": 1 / fan_in}
    return float(np.sqrt(variances[family]))


def _standard(kind: str, count: int, uniform: Draw, normal: Draw) -> np.ndarray:
    """Numbers of mean 0 and variance 1."""
    match kind:
        case "uniform":
            return np.sqrt(3) * (2 * uniform(_WEIGHTS, count) - 1)
        case "truncated":
            return _truncated(count, normal) / _TRUNCATED_DEVIATION
    return normal(_WEIGHTS, count)


def _truncated(count: int, normal: Draw) -> np.ndarray:
    """Standard normal numbers between -2 and 2: those outside are drawn again."""
    numbers = normal(_WEIGHTS, count)
    for attempt in range(_ATTEMPTS):
        outside = np.abs(numbers) > 2
        if not outside.any():
            break
        numbers = np.where(outside, normal(_TRUNCATED + attempt, count), numbers)
    return np.clip(numbers, -2, 2)


def _orthogonal(network: Network, normal: Draw) -> np.ndarray:
    """Uniform over the orthogonal matrices: QR of a normal matrix, signs by the diagonal of R."""
    counts = [fan_in * fan_out for fan_in, fan_out in network.layers]
    drawn = np.split(normal(_WEIGHTS, sum(counts)), np.cumsum(counts)[:-1], axis=1)
    parts = []
    for numbers, (fan_in, fan_out) in zip(drawn, network.layers, strict=True):
        long, short = max(fan_in, fan_out), min(fan_in, fan_out)
        q, r = np.linalg.qr(numbers.reshape(-1, long, short))
        q = q * np.where(np.diagonal(r, axis1=1, axis2=2) < 0, -1, 1)[:, None, :]
        oriented = q if fan_out >= fan_in else q.transpose(0, 2, 1)
        parts.append(oriented.reshape(len(q), -1))
    return np.concatenate(parts, axis=1)


def _randomized_asymmetric(network: Network, networks: np.ndarray, seed: int) -> np.ndarray:
    """[networks, parameters]; of each unit one of (weights, bias) is positive for certain."""
    normal = normals(seed, networks, _WEIGHTS, network.parameters)
    choices = uniforms(seed, networks, _CHOICES, network.units)
    # The distribution function of Beta(2, 1) is x², its inverse the square root.
    beta = np.sqrt(uniforms(seed, networks, _ASYMMETRIC, network.units))
    parts: list[np.ndarray] = []
    first, unit = 0, 0
    for fan_in, fan_out in network.layers:
        columns, units = fan_in + 1, slice(unit, unit + fan_out)
        values = normal[:, first : first + fan_out * columns].reshape(-1, fan_out, columns)
        values = values * (_RAI_SCALE / np.sqrt(fan_in))
        chosen = np.minimum((choices[:, units] * columns).astype(np.int64), fan_in)
        np.put_along_axis(values, chosen[..., None], beta[:, units, None], axis=2)
        parts += [values[:, :, :-1].reshape(len(networks), -1), values[:, :, -1]]
        first, unit = first + fan_out * columns, unit + fan_out
    return np.concatenate(parts, axis=1)
