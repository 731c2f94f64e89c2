"""Random numbers that depend on the seed and on what they are for, never on what came before.

Each network has a stream of its own, by its index: network 3 of 10 is network 3 of 10,000, and
neither the order of computation nor the number of threads matters.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

POSITION_FACTOR = 0x9E3779B1
EPOCH_FACTORS = (0x9E3779B9, 0x85EBCA77)
FIRST_MULTIPLIER = 0x21F0AAAD
SECOND_MULTIPLIER = 0x735A2D97
"""Multipliers with little bias for a 32-bit hash: C. Wellons, hash-prospector (public domain)."""

_ROUNDS = 10
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def random_words(seed: int, networks: np.ndarray, stream: int, count: int) -> np.ndarray:
    """[networks, count] numbers of 32 random bits, in uint64.

    Philox-4x32-10 of the counter (position, stream, network, 0) under the seed. Source: Salmon,
    Moraes, Dror, Shaw, *Parallel random numbers: as easy as 1, 2, 3* (2011).
    """
    shape = (len(networks), -(-count // 4))
    x0 = np.broadcast_to(np.arange(shape[1], dtype=np.uint64), shape)
    x1 = np.full(shape, stream, dtype=np.uint64)
    x2 = np.broadcast_to(np.asarray(networks, dtype=np.uint64)[:, None], shape)
    x3 = np.zeros(shape, dtype=np.uint64)
    keys = [seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF]
    for _ in range(_ROUNDS):
        product0 = x0 * np.uint64(_MULTIPLIERS[0])
        product1 = x2 * np.uint64(_MULTIPLIERS[1])
        x1 ^= product1 >> _HALF
        x1 ^= np.uint64(keys[0])
        x3 ^= product0 >> _HALF
        x3 ^= np.uint64(keys[1])
        product0 &= _LOW
        product1 &= _LOW
        x0, x1, x2, x3 = x1, product1, x3, product0
        keys = [(key + step) & 0xFFFFFFFF for key, step in zip(keys, _KEY_STEPS, strict=True)]
    return np.stack([x0, x1, x2, x3], axis=-1).reshape(len(networks), -1)[:, :count]


def uniforms(seed: int, networks: np.ndarray, stream: int, count: int) -> np.ndarray:
    """[networks, count] numbers in (0, 1), of 32 random bits."""
    # Half a unit more: neither 0 nor 1 can come out.
    return (random_words(seed, networks, stream, count) + 0.5) * 2.0**-32


def normals(seed: int, networks: np.ndarray, stream: int, count: int) -> np.ndarray:
    """[networks, count] standard normal numbers, up to 6.7, by the method of Box and Muller."""
    drawn = uniforms(seed, networks, stream, count + count % 2)
    radius = np.sqrt(-2 * np.log(drawn[:, 0::2]))
    angle = 2 * np.pi * drawn[:, 1::2]
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    return pairs.reshape(len(networks), -1)[:, :count]


def order_keys(seed: int, networks: np.ndarray, stream: int) -> np.ndarray:
    """[networks, 2] in uint32: what the orders of each network's examples are drawn by."""
    return random_words(seed, networks, stream, 2).astype(np.uint32)


def shuffled_orders(keys: np.ndarray, points: int, epochs: int) -> Iterator[np.ndarray]:
    """For each epoch the orders [networks, points] that the compiled code trains in.

    Fisher and Yates with the upper half of hash · (i + 1), whose bias is below points / 2^32.
    """
    rows = np.arange(len(keys))
    position = np.arange(points, dtype=np.uint64)[None]
    for epoch in range(epochs):
        drawn = _hash(position, _epoch_keys(keys, epoch))
        targets = ((drawn * (position + np.uint64(1))) >> _HALF).astype(np.int64)
        order = np.zeros((len(keys), points), dtype=np.int64)
        for i in range(points):
            target = targets[:, i]
            order[:, i] = order[rows, target]
            order[rows, target] = i
        yield order


def _epoch_keys(keys: np.ndarray, epoch: int) -> tuple[np.ndarray, np.ndarray]:
    wide = keys.astype(np.uint64)
    first, second = (
        _mixed((wide[:, column] + np.uint64(epoch * factor & 0xFFFFFFFF)) & _LOW)
        for column, factor in enumerate(EPOCH_FACTORS)
    )
    return first, second


def _hash(position: np.ndarray, keys: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    x = (position * np.uint64(POSITION_FACTOR) + keys[0][:, None]) & _LOW
    x = (_shifted(x, 16) * np.uint64(FIRST_MULTIPLIER)) & _LOW
    x = ((_shifted(x, 15) ^ keys[1][:, None]) * np.uint64(SECOND_MULTIPLIER)) & _LOW
    return _shifted(x, 15)


def _mixed(x: np.ndarray) -> np.ndarray:
    x = (_shifted(x, 16) * np.uint64(FIRST_MULTIPLIER)) & _LOW
    x = (_shifted(x, 15) * np.uint64(SECOND_MULTIPLIER)) & _LOW
    return _shifted(x, 15)


def _shifted(x: np.ndarray, bits: int) -> np.ndarray:
    return x ^ (x >> np.uint64(bits))
