"""Networks in blocks, one in each lane of a vector, and the arrays that hold them so."""

from __future__ import annotations

import numpy as np

_ALIGNMENT = 64
"""Bytes of the widest register."""


def aligned_zeros(shape: tuple[int, ...], kind: np.dtype | type) -> np.ndarray:
    """Zeros at an address that vectors may be loaded from."""
    kind = np.dtype(kind)
    size = int(np.prod(shape)) * kind.itemsize
    memory = np.zeros(size + _ALIGNMENT, dtype=np.uint8)
    first = -memory.ctypes.data % _ALIGNMENT
    return memory[first : first + size].view(kind).reshape(shape)


def block_count(networks: int, lanes: int) -> int:
    return -(-networks // lanes)


def in_lanes(array: np.ndarray, lanes: int, kind: np.dtype | type) -> np.ndarray:
    """[networks, ...] as [blocks, ..., lanes]; the last networks fill up the last block."""
    networks, rest = len(array), array.shape[1:]
    result = aligned_zeros((block_count(networks, lanes), *rest, lanes), kind)
    for lane in range(lanes):
        part = array[lane::lanes]
        result[: len(part), ..., lane] = part
    missing = -networks % lanes
    if missing:
        result[-1, ..., lanes - missing :] = array[-1][..., None]
    return result


def from_lanes(array: np.ndarray, networks: int) -> np.ndarray:
    """[blocks, ..., lanes] as [networks, ...]."""
    moved = np.moveaxis(array, -1, 1)
    return np.ascontiguousarray(moved).reshape(-1, *array.shape[1:-1])[:networks]


def block_of(array: np.ndarray, block: int, lanes: int) -> np.ndarray:
    """The data [lanes, ...] of one block of networks; the last network's fill up the last one."""
    part = array[block * lanes : (block + 1) * lanes]
    if len(part) == lanes:
        return part
    return np.ascontiguousarray(np.concatenate([part, np.repeat(part[-1:], lanes - len(part), 0)]))
