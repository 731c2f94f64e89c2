"""The arrays that the compiled code works on, and the pointers to those of one block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from defib.ensemble.blocks import aligned_zeros, block_of
from defib.ensemble.data import PreparedData
from defib.ensemble.kernel.arguments import Arguments
from defib.ensemble.kernel.batches import Specialization
from defib.ensemble.kernel.code import Lanes

_CHUNK_BYTES = 24 * 1024
"""Activations of the examples in work at once: half of a first-level cache of 48 KiB."""
_LEAST_CHUNK = 16
"""Examples: with fewer, weights are read too often for what is done with them."""


@final
@dataclass(frozen=True, eq=False)
class Scratch:
    """What one thread works in: nothing of it outlives a call."""

    gradient: np.ndarray
    activations: np.ndarray
    order: np.ndarray
    identity: np.ndarray
    unit_ranges: np.ndarray
    loss_sum: np.ndarray
    chunk: int


def make_scratch(special: Specialization, points: int, *, chunk: int) -> Scratch:
    """Working memory for examples in pieces of `chunk`."""
    lanes, kind = special.lanes, scalar_kind(special.lanes)
    network = special.network
    return Scratch(
        gradient=aligned_zeros((network.parameters, lanes.count), kind),
        activations=aligned_zeros((chunk * sum(special.columns), lanes.count), kind),
        order=aligned_zeros((points, lanes.count), np.int32),
        identity=aligned_zeros((points, lanes.count), np.int32),
        unit_ranges=aligned_zeros((network.units, 2, lanes.count), kind),
        loss_sum=aligned_zeros((lanes.count,), kind),
        chunk=chunk,
    )


def chunk_size(special: Specialization, examples: int) -> int:
    """How many examples are worked on at once."""
    fitting = _CHUNK_BYTES // (sum(special.columns) * special.lanes.bytes)
    even = max(_LEAST_CHUNK, fitting - fitting % special.tile.examples)
    return min(even, examples)


def scalar_kind(lanes: Lanes) -> type:
    return np.float32 if lanes.bits == 32 else np.float64


@final
@dataclass(frozen=True, eq=False)
class BlockData:
    """Data of the blocks: shared by all, or one part for each."""

    data: PreparedData
    lanes: int

    def fill(self, arguments: Arguments, block: int) -> tuple[np.ndarray, ...]:
        """Points `arguments` to the data of `block`; returns the arrays, to be kept that long."""
        arguments.points = self.data.points
        kept = []
        for name in ("inputs", "targets"):
            array: np.ndarray = getattr(self.data, name)
            is_shared = array.ndim == 2
            part = array if is_shared else block_of(array, block, self.lanes)
            kept.append(part)
            setattr(arguments, name, part.ctypes.data)
            setattr(arguments, f"{name}_stride", 0 if is_shared else part[0].size)
        return tuple(kept)


def fill_scratch(arguments: Arguments, scratch: Scratch) -> None:
    """Points `arguments` to the working memory of a thread."""
    arguments.gradient = scratch.gradient.ctypes.data
    arguments.scratch = scratch.activations.ctypes.data
    arguments.order = scratch.order.ctypes.data
    arguments.identity = scratch.identity.ctypes.data
    arguments.unit_ranges = scratch.unit_ranges.ctypes.data
    arguments.loss_sum = scratch.loss_sum.ctypes.data
    arguments.chunk = scratch.chunk


@final
@dataclass(frozen=True, eq=False)
class State:
    """What a training changes, [blocks, ..., lanes]."""

    parameters: np.ndarray
    slots: tuple[np.ndarray, ...]
    keys: np.ndarray
    rates: np.ndarray
    orders: np.ndarray | None
    snapshots: np.ndarray

    def fill(self, arguments: Arguments, block: int) -> None:
        """Points `arguments` to the part of `block`."""
        arguments.parameters = self.parameters[block].ctypes.data
        for name, slot in zip(("first_slot", "second_slot"), self.slots, strict=False):
            setattr(arguments, name, slot[block].ctypes.data)
        arguments.keys = self.keys[block].ctypes.data
        arguments.rates = self.rates[block].ctypes.data
        arguments.snapshots = self.snapshots[block].ctypes.data
        arguments.draws_order = int(self.orders is None)
        if self.orders is not None:
            orders = self.orders[block] if len(self.orders) > 1 else self.orders[0]
            arguments.given_order = orders.ctypes.data
