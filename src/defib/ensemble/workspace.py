"""The arrays that the compiled code works on, and the pointers to those of one block."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from defib.ensemble.blocks import aligned_zeros, block_of
from defib.ensemble.data import PreparedData
from defib.ensemble.kernel.arguments import Arguments
from defib.ensemble.kernel.batches import Specialization
from defib.ensemble.kernel.code import Lanes

_CHUNK_BYTES = 24 * 1024
"""Activations of the examples in work at once: half of a first-level cache of 48 KiB."""
_PACKED_NUMBERS = 8
"""Inputs and targets of one example; of more, a line of the cache holds too few anyway."""
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
    packed: np.ndarray
    unit_ranges: np.ndarray
    loss_sum: np.ndarray
    chunk: int


def make_scratch(special: Specialization, points: int, *, chunk: int, row: int = 0) -> Scratch:
    """Working memory for examples in pieces of `chunk`, and for packed ones of `row` numbers."""
    lanes, kind = special.lanes, scalar_kind(special.lanes)
    network = special.network
    return Scratch(
        gradient=aligned_zeros((network.parameters, lanes.count), kind),
        activations=aligned_zeros((chunk * sum(special.columns), lanes.count), kind),
        order=aligned_zeros((points, lanes.count), np.int32),
        identity=aligned_zeros((points, lanes.count), np.int32),
        packed=aligned_zeros((lanes.count, points, row), kind),
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
@dataclass(frozen=True)
class Place:
    """Where the parts of all blocks are: bytes from `first` on, `step` from block to block.

    NumPy takes longer to say where an array is than the compiled code for a batch.
    """

    field: str
    first: int
    step: int


def place_of(field: str, array: np.ndarray) -> Place:
    """The place of an array [blocks, ...]; of one block only, it is that of all."""
    return Place(field, array.ctypes.data, array.strides[0] if len(array) > 1 else 0)


def fill_block(arguments: Arguments, places: tuple[Place, ...], block: int) -> None:
    """Points `arguments` to the parts of `block`."""
    for place in places:
        setattr(arguments, place.field, place.first + block * place.step)


@final
@dataclass(frozen=True, eq=False)
class BlockData:
    """Data of the blocks: shared by all, or one part for each."""

    data: PreparedData
    lanes: int

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Of data shared by all, and of all whole blocks."""
        places = []
        for name in ("inputs", "targets"):
            array: np.ndarray = getattr(self.data, name)
            step = 0 if array.ndim == 2 else array.strides[0] * self.lanes
            places.append(Place(name, array.ctypes.data, step))
        return tuple(places)

    def fill(self, arguments: Arguments, block: int) -> tuple[np.ndarray, ...]:
        """Points `arguments` to the data of `block`; returns the arrays, to be kept that long."""
        arguments.points = self.data.points
        fill_block(arguments, self.places, block)
        kept = []
        for name in ("inputs", "targets"):
            array: np.ndarray = getattr(self.data, name)
            is_shared = array.ndim == 2
            setattr(arguments, f"{name}_stride", 0 if is_shared else array[0].size)
            setattr(arguments, f"{name}_row", array.shape[-1])
            if not is_shared and (block + 1) * self.lanes > len(array):
                kept.append(block_of(array, block, self.lanes))
                setattr(arguments, name, kept[-1].ctypes.data)
        return tuple(kept)

    @cached_property
    def packed_row(self) -> int:
        """Inputs and targets of one example where it is worth to put them side by side, else 0."""
        arrays = (self.data.inputs, self.data.targets)
        row = sum(array.shape[-1] for array in arrays)
        is_worth_it = all(array.ndim == 3 for array in arrays) and row <= _PACKED_NUMBERS
        return row if is_worth_it else 0

    def pack(self, arguments: Arguments, packed: np.ndarray) -> None:
        """Has the next call pack what `fill` has pointed to, and read that from then on."""
        arguments.raw_inputs, arguments.raw_targets = arguments.inputs, arguments.targets
        width, row = self.data.inputs.shape[-1], self.packed_row
        arguments.inputs = packed.ctypes.data
        arguments.targets = packed.ctypes.data + width * packed.itemsize
        for name in ("inputs", "targets"):
            setattr(arguments, f"{name}_row", row)
            setattr(arguments, f"{name}_stride", row * self.data.points)
        arguments.packs = 1


@final
@dataclass(frozen=True, eq=False)
class State:
    """What a training changes, [blocks, ..., lanes]; orders of one block only are those of all."""

    parameters: np.ndarray
    slots: tuple[np.ndarray, ...]
    keys: np.ndarray
    rates: np.ndarray
    orders: np.ndarray | None
    snapshots: np.ndarray

    @cached_property
    def places(self) -> tuple[Place, ...]:
        arrays = {"parameters": self.parameters, "keys": self.keys, "rates": self.rates}
        arrays |= dict(zip(("first_slot", "second_slot"), self.slots, strict=False))
        arrays |= {"snapshots": self.snapshots}
        arrays |= {} if self.orders is None else {"given_order": self.orders}
        return tuple(place_of(field, array) for field, array in arrays.items())
