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

import numpy as np

from defib.ensemble.random_numbers import normals, uniforms
from defib.ensemble.specification import Training

_TRUNCATED_DEVIATION = 0.87962566103423978
"""Standard deviation of a standard normal number between -2 and 2."""
_RAI_SCALE = 0.6007
"""-2√2/(3√π) + √(1 + 8/(9π)), so that the mean square keeps its size (Lu et al. 2019)."""
_STREAMS_OF_LAYER = 128
"""Streams of random numbers that belong to one layer; stream 0 is left to the orders."""
_BIAS_STREAM = 1
_CHOICE_STREAM = 2
_ASYMMETRIC_STREAM = 3
_TRUNCATION_STREAM = 64
"""Streams from here on replace truncated numbers; each is needed with probability 0.0455^n."""


def initial_parameters(training: Training, networks: np.ndarray, seed: int) -> np.ndarray:
    """[networks, parameters] in float64: of each layer the weights [output][input], then biases.

    `networks` are indices: a network of the same index and seed starts the same in any ensemble.
    """
    parts: list[np.ndarray] = []
    for layer, (fan_in, fan_out) in enumerate(training.network.layers):
        stream = 1 + layer * _STREAMS_OF_LAYER
        weights, biases = _layer(training, (seed, networks, stream), fan_in, fan_out)
        parts += [weights.reshape(len(networks), -1), biases]
    return np.concatenate(parts, axis=1)


Source = tuple[int, np.ndarray, int]
"""Seed, networks, first stream."""


def _layer(
    training: Training, source: Source, fan_in: int, fan_out: int
) -> tuple[np.ndarray, np.ndarray]:
    """Weights [networks, fan_out, fan_in] and biases [networks, fan_out]."""
    initialization = training.initialization
    seed, networks, stream = source
    if initialization.name == "rai":
        return _randomized_asymmetric(source, fan_in, fan_out)
    shape = (len(networks), fan_out, fan_in)
    weights = _weights(initialization.name, source, fan_in, fan_out).reshape(shape)
    biases = np.zeros((len(networks), fan_out))
    if initialization.name == "torch":
        drawn = uniforms(seed, networks, stream + _BIAS_STREAM, fan_out)
        biases = (2 * drawn - 1) / np.sqrt(fan_in)
    elif initialization.bias_scale:
        drawn = normals(seed, networks, stream + _BIAS_STREAM, fan_out)
        biases = initialization.bias_scale * drawn
    return initialization.scale * weights, biases


def _weights(name: str, source: Source, fan_in: int, fan_out: int) -> np.ndarray:
    """[networks, fan_out · fan_in] before the scale."""
    count = fan_in * fan_out
    match name:
        case "zeros":
            return np.zeros((len(source[1]), count))
        case "constant":
            return np.ones((len(source[1]), count))
        case "normal":
            return normals(*source, count)
        case "orthogonal":
            return _orthogonal(source, fan_in, fan_out)
        case "torch":
            return (2 * uniforms(*source, count) - 1) / np.sqrt(fan_in)
        case "keras":
            name = "glorot_uniform"
    family, kind = name.split("_")
    variance = {"he": 2 / fan_in, "glorot": 2 / (fan_in + fan_out), "lecun": 1 / fan_in}[family]
    return np.sqrt(variance) * _standard(kind, source, count)


def _standard(kind: str, source: Source, count: int) -> np.ndarray:
    """Numbers of mean 0 and variance 1."""
    match kind:
        case "uniform":
            return np.sqrt(3) * (2 * uniforms(*source, count) - 1)
        case "truncated":
            return _truncated(source, count) / _TRUNCATED_DEVIATION
    return normals(*source, count)


def _truncated(source: Source, count: int) -> np.ndarray:
    """Standard normal numbers between -2 and 2: those outside are drawn again."""
    seed, networks, stream = source
    numbers = normals(*source, count)
    for attempt in range(_TRUNCATION_STREAM, _STREAMS_OF_LAYER):
        rows = np.flatnonzero((np.abs(numbers) > 2).any(axis=1))
        if not len(rows):
            break
        again = normals(seed, networks[rows], stream + attempt, count)
        numbers[rows] = np.where(np.abs(numbers[rows]) > 2, again, numbers[rows])
    return np.clip(numbers, -2, 2)


def _orthogonal(source: Source, fan_in: int, fan_out: int) -> np.ndarray:
    """Uniform over the orthogonal matrices: QR of a normal matrix, signs by the diagonal of R."""
    long, short = max(fan_in, fan_out), min(fan_in, fan_out)
    drawn = normals(*source, long * short).reshape(-1, long, short)
    q, r = np.linalg.qr(drawn)
    q = q * np.where(np.diagonal(r, axis1=1, axis2=2) < 0, -1, 1)[:, None, :]
    oriented = q if fan_out >= fan_in else q.transpose(0, 2, 1)
    return oriented.reshape(len(drawn), -1)


def _randomized_asymmetric(
    source: Source, fan_in: int, fan_out: int
) -> tuple[np.ndarray, np.ndarray]:
    seed, networks, stream = source
    columns = fan_in + 1
    drawn = normals(*source, fan_out * columns).reshape(-1, fan_out, columns)
    values = drawn * (_RAI_SCALE / np.sqrt(fan_in))
    choice = uniforms(seed, networks, stream + _CHOICE_STREAM, fan_out)
    chosen = np.minimum((choice * columns).astype(np.int64), fan_in)
    # The distribution function of Beta(2, 1) is x², its inverse the square root.
    beta = np.sqrt(uniforms(seed, networks, stream + _ASYMMETRIC_STREAM, fan_out))
    np.put_along_axis(values, chosen[:, :, None], beta[:, :, None], axis=2)
    return values[:, :, :-1], values[:, :, -1]
