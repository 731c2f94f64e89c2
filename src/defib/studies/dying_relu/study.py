"""What share of deep, narrow ReLU networks dies, and do leaky ReLUs or another start help?

Networks with one input, 9 hidden layers of width 2 and a linear output (10 layers, as Lu, Shin, Su
and Karniadakis count them, arXiv:1903.06733) learn |x|, x sin 5x and 1(x > 0) + 0.2 sin 5x from
3,000 points drawn uniformly from [−√7, √7], each network from points of its own, with mini-batches
of 64 and Adam with learning rate 0.001. Weights are He's (normal, biases 0) or the randomised
asymmetric ones of the same paper (RAI); the activation is ReLU, or leaky ReLU with slope 0.01.

A network is dead if some hidden ReLU layer is zero on all its points: then it is constant, and no
gradient reaches the layers below. It is born dead if that is so before the first step. Two weaker
tests stand beside this one: outputs within 1e-6 of one another, and a squared error of at least
95 % of the targets' variance.

Bounds of the born-dead probability are those of the paper, for one input of both signs and no
biases; beside them it is estimated by drawing networks of many depths and widths.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import final

import numpy as np

from defib.analysis.signal_propagation.born_dead import (
    born_dead_lower_bound,
    born_dead_upper_bound_scalar_input,
)
from defib.analysis.signal_propagation.born_dead_simulation import both_signs, simulate_born_dead
from defib.ensemble.collapse import collapse
from defib.ensemble.data import Data
from defib.ensemble.result import SnapshotSeries, initial_ensemble
from defib.ensemble.specification import Scope, Snapshots
from defib.ensemble.training import train_ensemble
from defib.records.study import Table
from defib.studies.base import Study
from defib.studies.dying_relu.claims import claims
from defib.studies.dying_relu.figures import figures
from defib.studies.dying_relu.networks import (
    COUNTS,
    DEEPER,
    FUNCTIONS,
    KINDS,
    LARGEST_SEED,
    LIMIT,
    RELU,
    WIDTH,
    Kind,
)
from defib.studies.tables import table
from defib.studies.threads import allowed_threads


@final
@dataclass(frozen=True)
class Config:
    """`networks` are trained in each cell; `drawn` are drawn for each depth and width."""

    seeds: int
    networks: int
    drawn: int
    epochs: int = 20
    points: int = 3000
    layers: tuple[int, ...] = (3, 5, 10, 20)
    widths: tuple[int, ...] = (2, 3, 4, 5, 8)


QUICK = Config(seeds=1, networks=480, drawn=4000)
FULL = Config(
    seeds=1, networks=1000, drawn=8_000, layers=(3, 5, 10, 20, 30), widths=(2, 3, 4, 5, 8, 10)
)


def measure(config: Config, seed: int) -> Mapping[str, Table]:
    generator = np.random.default_rng(seed)
    rows, deaths = [], []
    for name, function in FUNCTIONS.items():
        inputs = generator.uniform(-LIMIT, LIMIT, (config.networks, config.points, 1))
        data = Data(inputs.astype(np.float32), function(inputs).astype(np.float32))
        kinds = (*KINDS, DEEPER) if name == "|x|" else KINDS
        for kind in kinds:
            # Weights of its own for each cell: the cells are pooled as independent.
            start = int(generator.integers(LARGEST_SEED))
            counts, shares = _trained(kind, data, config, start)
            rows.append((kind.name, name, *counts))
            deaths += [(kind.name, name, epoch, share) for epoch, share in enumerate(shares)]
    return {
        "collapse": table("network function", COUNTS, rows),
        "deaths": table("network function epoch", "dead_share", deaths),
        "born-dead": _born_dead(config, generator),
    }


def _trained(
    kind: Kind, data: Data, config: Config, seed: int
) -> tuple[tuple[int, ...], list[float]]:
    """How many are what, in the order of `COUNTS`; for `RELU` the share dead at each epoch."""
    training, threads = kind.training(config.epochs), allowed_threads()
    start = initial_ensemble(training, config.networks, seed=seed)
    steps = training.steps_per_epoch(config.points)
    done = train_ensemble(
        training,
        data,
        networks=config.networks,
        seed=seed,
        threads=threads,
        # Each costs a pass over all data, and only one picture needs them.
        snapshots=Snapshots(steps, ("dead_units",), Scope.DATA) if kind == RELU else None,
    )
    before = collapse(start, data, threads=threads)
    after = collapse(done.ensemble, data, threads=threads)
    born, dead = before.is_dead, after.is_dead
    counts = (
        dead,
        born,
        dead & ~born,
        born & ~dead,
        before.is_constant,
        after.is_constant,
        after.is_unlearned,
    )
    shares = [*_dead_shares(done.snapshots), dead.mean()] if done.snapshots else []
    return (*(int(each.sum()) for each in counts), config.networks), shares


def _dead_shares(snapshots: SnapshotSeries) -> list[float]:
    """Networks with a layer whose units are all zero, before each epoch."""
    assert snapshots.dead_units is not None
    is_dead = (snapshots.dead_units == WIDTH).any(axis=2)
    return [float(each) for each in is_dead.mean(axis=1)]


def _born_dead(config: Config, generator: np.random.Generator) -> Table:
    cells = [
        (layers, width, int(generator.integers(LARGEST_SEED)))
        for layers in config.layers
        for width in config.widths
    ]
    # NumPy draws and multiplies outside Python's lock; each cell has a seed of its own.
    with ThreadPoolExecutor(allowed_threads()) as pool:
        rows = list(pool.map(lambda cell: _drawn(*cell, networks=config.drawn), cells))
    return table("layers width", "dead networks lower upper", rows)


def _drawn(layers: int, width: int, seed: int, *, networks: int) -> tuple[float, ...]:
    """A row of the table: how many of the networks are born dead, and the bounds."""
    hidden = [width] * (layers - 1)
    found = simulate_born_dead(hidden, both_signs(), networks=networks, seed=seed)
    lower = born_dead_lower_bound(width, layers)
    upper = born_dead_upper_bound_scalar_input(hidden)
    return layers, width, found.dead, networks, lower, upper


STUDY = Study(("C2", "C3"), QUICK, FULL, measure, claims, figures)
