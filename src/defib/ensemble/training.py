"""Trains an ensemble: thousands of small networks at once, by one compiled program."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from defib.ensemble.blocks import aligned_zeros, block_count, from_lanes, in_lanes
from defib.ensemble.choices import DEFAULT_LEARNING_RATES
from defib.ensemble.data import Data, PreparedData, prepared
from defib.ensemble.evaluation import losses_on
from defib.ensemble.initialization import initial_parameters
from defib.ensemble.kernel.arguments import (
    ALL_DATA_MODE,
    BACKWARD_MODE,
    STATISTICS_MODE,
    Arguments,
)
from defib.ensemble.kernel.batches import Specialization
from defib.ensemble.kernel.compilation import Program, compiled, specialization
from defib.ensemble.kernel.optimizers import SLOTS, constant_values, schedule_table
from defib.ensemble.kernel.snapshots import row_length
from defib.ensemble.memory import available_memory, check_memory, memory_need
from defib.ensemble.orders import prepared_orders
from defib.ensemble.random_numbers import order_keys
from defib.ensemble.result import (
    Ensemble,
    EnsembleResult,
    SnapshotSeries,
    snapshot_series,
    unflattened,
)
from defib.ensemble.specification import Scope, Snapshots, Training
from defib.ensemble.workers import Work, default_threads, run_blocks
from defib.ensemble.workspace import (
    BlockData,
    Scratch,
    State,
    chunk_size,
    fill_block,
    fill_scratch,
    make_scratch,
    scalar_kind,
)
from defib.errors import UsageError

_PIECES = 200
"""At least so many reports of progress, where there are as many epochs."""
_NEVER = 2**62


@final
@dataclass(frozen=True, eq=False)
class Plan:
    """A training whose input is checked and prepared."""

    training: Training
    data: PreparedData
    networks: int
    start: np.ndarray
    keys: np.ndarray
    learning_rates: np.ndarray
    orders: np.ndarray | None
    snapshots: Snapshots | None

    @property
    def steps(self) -> int:
        return self.training.epochs * self.training.steps_per_epoch(self.data.points)

    @property
    def snapshot_steps(self) -> np.ndarray:
        every = self.snapshots.every if self.snapshots else _NEVER
        return np.arange(0, self.steps, every) if self.snapshots else np.arange(0)


def train_ensemble(
    training: Training,
    data: Data,
    *,
    networks: int,
    seed: int = 0,
    first_network: int = 0,
    start: Ensemble | None = None,
    orders: ArrayLike | None = None,
    learning_rates: ArrayLike | None = None,
    snapshots: Snapshots | None = None,
    threads: int | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> EnsembleResult:
    """`networks` trained networks; the same bits for the same seed, whatever `threads` is.

    A network depends on the seed and on its own index alone, counted from `first_network`.
    `start`: parameters to begin with. `orders`: which examples a network sees, in batches of
    `batch_size`, [epochs, points] or [networks, epochs, points]. `learning_rates`: one for each
    network. `on_progress` is called with the share done, from 0 to 1. Raises `UsageError` before
    anything runs for data that do not fit, are not finite, or for too little memory.
    """
    used = default_threads() if threads is None else threads
    if used < 1:
        raise UsageError(f"A training runs on at least 1 thread; threads={threads} came.")
    plan = make_plan(
        training,
        data,
        networks=networks,
        seed=seed,
        first_network=first_network,
        start=start,
        orders=orders,
        learning_rates=learning_rates,
        snapshots=snapshots,
        threads=used,
    )
    state = _state(plan, specialization(training))
    _run(plan, state, used, on_progress)
    ensemble = unflattened(training, from_lanes(state.parameters, networks))
    compute_loss = partial(losses_on, ensemble, plan.data, threads=used)
    return EnsembleResult(ensemble, _series(plan, state), compute_loss)


def make_plan(
    training: Training,
    data: Data,
    *,
    networks: int,
    seed: int,
    first_network: int,
    start: Ensemble | None,
    orders: ArrayLike | None,
    learning_rates: ArrayLike | None,
    snapshots: Snapshots | None,
    threads: int,
) -> Plan:
    """What `train_ensemble` is asked for, checked."""
    if networks < 1:
        raise UsageError(f"An ensemble has at least 1 network; networks={networks} came.")
    ready = prepared(data, training, networks)
    steps = training.epochs * training.steps_per_epoch(ready.points)
    need = memory_need(
        training,
        points=ready.points,
        snapshots=-(-steps // snapshots.every) if snapshots else 0,
        given_epochs=training.epochs if orders is not None and np.ndim(orders) == 3 else 0,
        threads=threads,
    )
    check_memory(need, networks, available_memory())
    indices = np.arange(first_network, first_network + networks)
    return Plan(
        training,
        ready,
        networks,
        _start(training, indices, seed, start),
        order_keys(seed, indices, 0),
        _learning_rates(training, networks, learning_rates),
        prepared_orders(orders, training, networks, ready.points),
        snapshots,
    )


def _start(
    training: Training, indices: np.ndarray, seed: int, start: Ensemble | None
) -> np.ndarray:
    """[networks, parameters] in float64."""
    if start is None:
        return initial_parameters(training, indices, seed)
    if start.training.network.widths != training.network.widths or start.networks != len(indices):
        raise UsageError(
            f"`start` holds {start.networks} networks of widths "
            f"{start.training.network.widths}; {len(indices)} of widths "
            f"{training.network.widths} are to be trained."
        )
    parameters = start.flat()
    if not np.isfinite(parameters).all():
        raise UsageError("`start` holds parameters that are not finite.")
    return parameters


def _learning_rates(
    training: Training, networks: int, learning_rates: ArrayLike | None
) -> np.ndarray:
    """One for each network."""
    optimizer = training.optimizer
    if learning_rates is None:
        rate = optimizer.learning_rate
        rate = DEFAULT_LEARNING_RATES[optimizer.name] if rate is None else rate
        return np.full(networks, rate)
    rates = np.asarray(learning_rates, dtype=np.float64)
    if rates.shape != (networks,) or not (np.isfinite(rates) & (rates >= 0)).all():
        raise UsageError(
            f"`learning_rates` are {networks} finite numbers of at least 0, one for each network; "
            f"an array of shape {list(rates.shape)} came."
        )
    return rates


def _state(plan: Plan, special: Specialization) -> State:
    lanes, kind = special.lanes.count, scalar_kind(special.lanes)
    shape = (block_count(plan.networks, lanes), plan.training.network.parameters, lanes)
    slots = [aligned_zeros(shape, kind) for _ in range(SLOTS[plan.training.optimizer.name])]
    if plan.training.optimizer.name == "adagrad":
        slots[0] += plan.training.optimizer.initial_accumulator
    rows = (len(plan.snapshot_steps), row_length(len(plan.training.network.layers)))
    orders = plan.orders
    return State(
        parameters=in_lanes(plan.start, lanes, kind),
        slots=tuple(slots),
        keys=in_lanes(plan.keys, lanes, np.uint32),
        rates=in_lanes(plan.learning_rates, lanes, kind),
        orders=None if orders is None else _in_lanes_once(orders, lanes),
        snapshots=aligned_zeros((shape[0], *rows, lanes), kind),
    )


def _in_lanes_once(orders: np.ndarray, lanes: int) -> np.ndarray:
    """[blocks or 1, epochs · points, lanes]: shared orders are laid out for one block only."""
    if orders.ndim == 2:
        orders = np.broadcast_to(orders, (lanes, *orders.shape))
    return in_lanes(orders.reshape(len(orders), -1), lanes, np.int32)


def _run(
    plan: Plan, state: State, threads: int, on_progress: Callable[[float], None] | None
) -> None:
    special = specialization(plan.training)
    blocks = len(state.parameters)
    pieces = max(1, min(plan.training.epochs, -(-_PIECES // blocks)))
    kind = scalar_kind(special.lanes)
    table = schedule_table(plan.training.optimizer, plan.steps).astype(kind)
    constants = np.array(constant_values(plan.training.optimizer, plan.training.l2), dtype=kind)
    data = BlockData(plan.data, special.lanes.count)
    chunk = chunk_size(special, min(plan.training.batch_size, plan.data.points))

    def make_work() -> Work:
        return _Worker(
            compiled(special),
            state,
            data,
            make_scratch(special, plan.data.points, chunk=chunk, row=data.packed_row),
            _arguments(plan, table, constants),
            plan.training.epochs,
            pieces,
        ).work

    run_blocks(make_work, blocks, threads=threads, pieces=pieces, on_progress=on_progress)


@final
@dataclass(frozen=True, eq=False)
class _Worker:
    """What one thread needs to train blocks of networks, one after the other."""

    program: Program
    state: State
    data: BlockData
    scratch: Scratch
    arguments: Arguments
    epochs: int
    pieces: int

    def work(self, block: int, report: Callable[[], bool]) -> None:
        """Trains one block; reports, and asks whether to go on, after each piece."""
        arguments, epochs = self.arguments, self.epochs
        fill_scratch(arguments, self.scratch)
        fill_block(arguments, self.state.places, block)
        arguments.draws_order = int(self.state.orders is None)
        kept = self.data.fill(arguments, block)
        if self.data.packed_row:
            self.data.pack(arguments, self.scratch.packed)
        for piece in range(self.pieces):
            arguments.first_epoch = piece * epochs // self.pieces
            arguments.last_epoch = (piece + 1) * epochs // self.pieces
            self.program.train(ctypes.byref(arguments))
            arguments.packs = 0
            if not report():
                break
        # The compiled code has seen their addresses only.
        del kept


def _arguments(plan: Plan, table: np.ndarray, constants: np.ndarray) -> Arguments:
    """The part that all blocks and threads have in common."""
    arguments = Arguments()
    arguments.schedule = table.ctypes.data
    arguments.constants = constants.ctypes.data
    arguments.batch = plan.training.batch_size
    arguments.snapshot_every = _NEVER
    if plan.snapshots is not None:
        arguments.snapshot_every = plan.snapshots.every
        arguments.snapshot_mode = STATISTICS_MODE
        if plan.snapshots.scope is Scope.DATA:
            needs_gradient = "gradient_norm" in plan.snapshots.statistics
            arguments.snapshot_mode |= ALL_DATA_MODE | (BACKWARD_MODE if needs_gradient else 0)
    return arguments


def _series(plan: Plan, state: State) -> SnapshotSeries | None:
    if plan.snapshots is None:
        return None
    rows = np.moveaxis(from_lanes(state.snapshots, plan.networks), 0, 1)
    layers = len(plan.training.network.layers)
    return snapshot_series(plan.snapshots, plan.snapshot_steps, rows, layers)
