"""What an ensemble computes: outputs, activations, ranges of units and losses on given data."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from defib.ensemble.blocks import aligned_zeros, block_count, from_lanes, in_lanes
from defib.ensemble.data import Data, PreparedData, prepared, prepared_inputs
from defib.ensemble.kernel.arguments import LOSS_MODE, OUTPUT_MODE, RANGES_MODE, Arguments
from defib.ensemble.kernel.compilation import compiled, specialization
from defib.ensemble.kernel.losses import loss_terms
from defib.ensemble.result import Ensemble
from defib.ensemble.workers import Work, default_threads, run_blocks
from defib.ensemble.workspace import (
    BlockData,
    Scratch,
    chunk_size,
    fill_scratch,
    make_scratch,
    scalar_kind,
)

_CHUNK_EXAMPLES = 64


@final
@dataclass(frozen=True, eq=False)
class UnitRanges:
    """Least and greatest activation of each unit over the examples, [networks, units]."""

    minimum: np.ndarray
    maximum: np.ndarray

    @property
    def is_zero(self) -> np.ndarray:
        """[networks, units]: the unit is zero for every example."""
        return (self.minimum == 0) & (self.maximum == 0)


def outputs(ensemble: Ensemble, inputs: ArrayLike, *, threads: int | None = None) -> np.ndarray:
    """[networks, points, outputs] for inputs [points, inputs], or with networks in front."""
    data = _unlabelled(ensemble, inputs)
    special = specialization(ensemble.training)
    blocks = block_count(ensemble.networks, special.lanes.count)
    shape = (blocks, data.points, ensemble.training.network.widths[-1], special.lanes.count)
    result = aligned_zeros(shape, scalar_kind(special.lanes))

    def keep(arguments: Arguments, block: int) -> None:
        arguments.outputs = result[block].ctypes.data

    _evaluate(ensemble, data, OUTPUT_MODE, before=keep, threads=threads)
    return from_lanes(result, ensemble.networks)


def activations(
    ensemble: Ensemble, inputs: ArrayLike, *, threads: int | None = None
) -> tuple[np.ndarray, ...]:
    """For each layer its activations [networks, points, units]; the last are the outputs."""
    data = _unlabelled(ensemble, inputs)
    special = specialization(ensemble.training)
    lanes, points = special.lanes.count, data.points
    blocks = block_count(ensemble.networks, lanes)
    result = [
        np.empty((blocks, points, width, lanes), scalar_kind(special.lanes))
        for width in special.columns[2:]
    ]

    def take(scratch: Scratch, block: int) -> None:
        first = points * sum(special.columns[:2])
        for array, width in zip(result, special.columns[2:], strict=True):
            part = scratch.activations[first : first + points * width]
            array[block] = part.reshape(points, width, lanes)
            first += points * width

    _evaluate(ensemble, data, 0, after=take, chunk=points, threads=threads)
    return tuple(from_lanes(array, ensemble.networks) for array in result)


def unit_ranges(
    ensemble: Ensemble, inputs: ArrayLike, *, threads: int | None = None
) -> tuple[UnitRanges, ...]:
    """For each layer the ranges of its units over all examples, exact."""
    data = _unlabelled(ensemble, inputs)
    special = specialization(ensemble.training)
    lanes, units = special.lanes.count, special.network.units
    blocks = block_count(ensemble.networks, lanes)
    result = np.empty((blocks, units, 2, lanes), scalar_kind(special.lanes))

    def take(scratch: Scratch, block: int) -> None:
        result[block] = scratch.unit_ranges

    _evaluate(ensemble, data, RANGES_MODE, after=take, threads=threads)
    both = from_lanes(result, ensemble.networks)
    ends = np.cumsum(special.columns[2:])[:-1]
    parts = np.split(both, ends, axis=1)
    return tuple(UnitRanges(part[..., 0], part[..., 1]) for part in parts)


def losses(ensemble: Ensemble, data: Data, *, threads: int | None = None) -> np.ndarray:
    """[networks]: the mean loss of each network on all of `data`."""
    ready = prepared(data, ensemble.training, ensemble.networks)
    return losses_on(ensemble, ready, threads=threads)


def losses_on(ensemble: Ensemble, data: PreparedData, *, threads: int | None = None) -> np.ndarray:
    """The same for data that are prepared already."""
    special = specialization(ensemble.training)
    blocks = block_count(ensemble.networks, special.lanes.count)
    result = np.empty((blocks, special.lanes.count), scalar_kind(special.lanes))

    def take(scratch: Scratch, block: int) -> None:
        result[block] = scratch.loss_sum

    _evaluate(ensemble, data, LOSS_MODE, after=take, threads=threads)
    terms = loss_terms(special.network.widths[-1], special.loss)
    return from_lanes(result, ensemble.networks) / (data.points * terms)


def _unlabelled(ensemble: Ensemble, inputs: ArrayLike) -> PreparedData:
    """Inputs with targets that nothing is made of."""
    array = prepared_inputs(inputs, ensemble.training, ensemble.networks)
    columns = specialization(ensemble.training).targets
    return PreparedData(array, np.zeros((array.shape[-2], columns), array.dtype))


def _evaluate(
    ensemble: Ensemble,
    data: PreparedData,
    mode: int,
    *,
    before: Callable[[Arguments, int], None] | None = None,
    after: Callable[[Scratch, int], None] | None = None,
    chunk: int | None = None,
    threads: int | None = None,
) -> None:
    """Runs all examples through all networks; `before` and `after` see each block."""
    special = specialization(ensemble.training)
    program = compiled(special)
    lanes = special.lanes.count
    parameters = in_lanes(ensemble.flat(), lanes, scalar_kind(special.lanes))
    block_data = BlockData(data, lanes)
    size = chunk or chunk_size(special, min(_CHUNK_EXAMPLES, data.points))

    def make_work() -> Work:
        scratch = make_scratch(special, data.points, chunk=size)
        arguments = Arguments()
        fill_scratch(arguments, scratch)
        arguments.mode = mode

        def work(block: int, report: Callable[[], bool]) -> None:
            arguments.parameters = parameters[block].ctypes.data
            kept = block_data.fill(arguments, block)
            if before is not None:
                before(arguments, block)
            program.evaluate(ctypes.byref(arguments))
            if after is not None:
                after(scratch, block)
            del kept
            report()

        return work

    run_blocks(make_work, len(parameters), threads=threads or default_threads())
