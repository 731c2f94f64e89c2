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

import math
from collections.abc import Callable, Mapping
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
from defib.ensemble.specification import (
    Initialization,
    Network,
    OptimizerSpecification,
    Scope,
    Snapshots,
    Training,
)
from defib.ensemble.training import train_ensemble
from defib.records.chart import Bars, BarSeries, Chart, Heat, Line, Lines
from defib.records.study import Claim, Published, StudyResult, Sureness, Table, Value
from defib.studies.base import Study
from defib.studies.intervals import Interval, above, always, below, share_interval, together
from defib.studies.tables import table
from defib.studies.threads import allowed_threads

LIMIT = math.sqrt(7)
WIDTH = 2
HIDDEN_LAYERS = 9
LEARNING_RATE = 1e-3
BATCH_SIZE = 64
LARGEST_SEED = 2**31

PAPER = "Lu, Shin, Su, Karniadakis, Dying ReLU and Initialization (2019), arXiv:1903.06733"

FUNCTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "|x|": np.abs,
    "x sin 5x": lambda x: x * np.sin(5 * x),
    "step + 0.2 sin 5x": lambda x: (x > 0) + 0.2 * np.sin(5 * x),
}


@final
@dataclass(frozen=True)
class Kind:
    """Networks that are alike but for their numbers."""

    name: str
    activation: str
    initialization: str
    hidden_layers: int = HIDDEN_LAYERS

    def training(self, epochs: int) -> Training:
        widths = (1, *[WIDTH] * self.hidden_layers, 1)
        activations = (*[self.activation] * self.hidden_layers, "identity")
        optimizer = OptimizerSpecification("adam", LEARNING_RATE)
        return Training(
            Network(widths, activations),
            Initialization(self.initialization),
            optimizer=optimizer,
            batch_size=BATCH_SIZE,
            epochs=epochs,
        )


RELU = Kind("ReLU, He", "relu", "he_normal")
RAI = Kind("ReLU, RAI", "relu", "rai")
LEAKY = Kind("leaky ReLU, He", "leaky_relu(0.01)", "he_normal")
KINDS = (RELU, RAI, LEAKY)
DEEPER = Kind("ReLU, He, 10 hidden layers", "relu", "he_normal", 10)
"""As one may also read “a 10-layer network”."""

COUNTS = "dead born_dead died revived constant_at_start constant unlearned networks"


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


def claims(result: StudyResult) -> tuple[Claim, ...]:
    return (
        _over_ninety(result),
        _in_two_phases(result),
        _bounds(result),
        *_leaky(result),
        _asymmetric(result),
    )


def _share(result: StudyResult, column: str, **where: Value) -> Interval:
    counts = result.by_seed("collapse")
    total = sum(counts.numbers("networks", **where))
    return share_interval(int(sum(counts.numbers(column, **where))), int(total))


def _over_ninety(result: StudyResult) -> Claim:
    dead = _share(result, "dead", network=RELU.name)
    each = {
        f"dead, {name}": _share(result, "dead", network=RELU.name, function=name).estimate
        for name in FUNCTIONS
    }
    deeper = _share(result, "dead", network=DEEPER.name)
    return Claim(
        "over-ninety-percent",
        "More than 90 % of the 10-layer ReLU networks of width 2 are dead after training, over "
        "the three functions together.",
        above(dead, 0.9),
        dead.as_numbers("dead") | each | {"ten_hidden_layers": deeper.estimate},
        Published(
            "of 1,000 networks over 90 % collapsed; 91.9 % and 93.8 % for two of the functions",
            PAPER,
            Sureness.READ_SECOND_HAND,
            {"one_function": 0.919, "another_function": 0.938},
        ),
    )


def _in_two_phases(result: StudyResult) -> Claim:
    born = _share(result, "born_dead", network=RELU.name)
    died = _share(result, "died", network=RELU.name)
    revived = sum(result.by_seed("collapse").numbers("revived"))
    return Claim(
        "born-dead-or-died",
        "Most dead networks are born dead, some die in training, and none is ever revived.",
        together(above(born, 0.8), above(died, 0.0), always([revived == 0])),
        born.as_numbers("born_dead") | died.as_numbers("died") | {"revived": revived},
        Published(
            "a network that is born dead is optimised to a constant, whatever loss and gradient "
            "method (theorem 3.4); born dead 0.8797 of 10 layers of width 2",
            f"{PAPER}; 200,000 draws",
            Sureness.COMPUTED,
            {"born_dead": 0.8797},
        ),
    )


def _bounds(result: StudyResult) -> Claim:
    rows = result.by_seed("born-dead").rows
    # Of so many intervals of 95 % some miss: four standard errors are allowed for.
    misses = [
        max(float(str(row[5])) - share, share - float(str(row[6]))) / error
        for row in rows
        for share, error in [_with_error(int(str(row[3])), int(str(row[4])))]
    ]
    return Claim(
        "between-the-bounds",
        "At every depth and width the drawn share of born-dead networks lies between the lower "
        "and the upper bound, within four standard errors.",
        always(miss < 4 for miss in misses),
        {"largest_miss_in_standard_errors": max(misses), "cells": len(rows)},
        Published(
            "1 − a₁^(L−2) above, exact at 3 layers below, with a₁ = 1 − 2^−N",
            PAPER,
            Sureness.DERIVED,
            {"lower_10_layers_width_2": 0.8703, "upper_10_layers_width_2": 0.8999},
        ),
    )


def _with_error(dead: int, networks: int) -> tuple[float, float]:
    """A share with its standard error, of one dead and one living network more."""
    smoothed = (dead + 1) / (networks + 2)
    return dead / networks, math.sqrt(smoothed * (1 - smoothed) / networks)


def _leaky(result: StudyResult) -> tuple[Claim, Claim]:
    dead = sum(result.by_seed("collapse").numbers("dead", network=LEAKY.name))
    unlearned = _share(result, "unlearned", network=LEAKY.name, function="|x|")
    relu = _share(result, "unlearned", network=RELU.name, function="|x|")
    constant = _share(result, "constant_at_start", network=LEAKY.name)
    return (
        Claim(
            "leaky-never-dies",
            "With leaky ReLU (0.01) no network dies, and far fewer fail to learn |x|: their share "
            "is below half of that with ReLU.",
            together(always([dead == 0]), below(unlearned, relu.low / 2)),
            {"dead": dead}
            | unlearned.as_numbers("unlearned_leaky")
            | relu.as_numbers("unlearned_relu"),
            Published(
                "collapsed 0.91 with ReLU, 0.00 with leaky ReLU, x sin 5x, 100 runs",
                "a student's notebook on the same exercise (ta2642/neuralnet-regularization)",
                Sureness.READ,
                {"relu": 0.91, "leaky": 0.0},
            ),
        ),
        Claim(
            "range-misleads",
            "The range of the outputs misleads: it calls more than 5 % of the untrained leaky "
            "networks constant, although none has a dead unit.",
            above(constant, 0.05),
            constant.as_numbers("constant_at_start"),
            Published(
                "20 % of untrained leaky networks vary by less than 1e-6",
                "1000 networks",
                Sureness.COMPUTED,
                {"share": 0.2},
            ),
        ),
    )


def _asymmetric(result: StudyResult) -> Claim:
    he = _share(result, "dead", network=RELU.name)
    rai = _share(result, "dead", network=RAI.name)
    return Claim(
        "asymmetric-start-helps",
        "With the randomised asymmetric start at most half as many networks are dead.",
        below(rai, he.low / 2),
        rai.as_numbers("rai") | he.as_numbers("he"),
        Published(
            "29.2 % and 32.6 % for two of the functions",
            PAPER,
            Sureness.READ_SECOND_HAND,
            {"one_function": 0.292, "another_function": 0.326},
        ),
    )


def figures(result: StudyResult) -> tuple[Chart, ...]:
    return (_collapse_chart(result), _death_chart(result), _depth_chart(result), _map_chart(result))


def _collapse_chart(result: StudyResult) -> Chart:
    definitions = (
        ("born dead", "born_dead"),
        ("dead after training", "dead"),
        ("constant within 1e-6", "constant"),
        ("error ≥ 95 % of variance", "unlearned"),
    )
    series = []
    for label, column in definitions:
        shares = [_share(result, column, network=kind.name) for kind in KINDS]
        series.append(
            BarSeries(
                label,
                tuple(each.estimate for each in shares),
                tuple(each.low for each in shares),
                tuple(each.high for each in shares),
            )
        )
    words = "; ".join(
        f"{kind.name}: {_share(result, 'dead', network=kind.name).estimate:.1%} dead"
        for kind in KINDS
    )
    return Chart(
        "collapse",
        "10 layers of width 2: dead by the exact definition, and by two weaker ones",
        f"{words}. The weaker tests count living networks as collapsed.",
        (
            Bars(
                tuple(kind.name for kind in KINDS),
                tuple(series),
                "share of networks",
                limits=(0, 1.02),
            ),
        ),
        height=330,
    )


def _death_chart(result: StudyResult) -> Chart:
    deaths = result.tables["deaths"].where(network=RELU.name)
    lines = tuple(
        Line(
            name,
            deaths.numbers("epoch", function=name),
            deaths.numbers("dead_share", function=name),
        )
        for name in FUNCTIONS
    )
    return Chart(
        "deaths",
        "Dead ReLU networks over the training",
        "Most are dead before the first step; the rest that die do so within a few epochs. None "
        "comes back.",
        (Lines("epoch", "share of dead networks", lines),),
    )


def _depth_chart(result: StudyResult) -> Chart:
    born = result.tables["born-dead"]
    widths = [width for width in (2, 3, 5) if width in born.distinct("width")]
    lines = []
    for width in widths:
        layers = born.numbers("layers", width=width)
        share = [
            d / n
            for d, n in zip(
                born.numbers("dead", width=width),
                born.numbers("networks", width=width),
                strict=True,
            )
        ]
        lines.append(Line(f"width {width}", layers, tuple(share), is_dots=True))
    for index, width in enumerate(widths):
        depths = range(3, max(int(str(each)) for each in born.distinct("layers")) + 1)
        at = tuple(float(each) for each in depths)
        low = tuple(born_dead_lower_bound(width, each) for each in depths)
        high = tuple(born_dead_upper_bound_scalar_input([width] * (each - 1)) for each in depths)
        names = ("bounds", "_") if index == 0 else ("_", "_")
        lines += [
            Line(name, at, curve, is_theory=True)
            for name, curve in zip(names, (low, high), strict=True)
        ]
    return Chart(
        "depth",
        "Probability of being born dead against depth",
        "Drawn networks (points) between the lower and the upper bound (dotted).",
        (Lines("layers", "born dead", tuple(lines), limits=(-0.02, 1.02)),),
    )


def _map_chart(result: StudyResult) -> Chart:
    born = result.tables["born-dead"]
    layers, widths = born.distinct("layers"), born.distinct("width")

    def share(layer: Value, width: Value) -> float:
        cell = born.where(layers=layer, width=width)
        return cell.numbers("dead")[0] / cell.numbers("networks")[0]

    values = tuple(tuple(share(layer, width) for layer in layers) for width in widths)
    texts = tuple(tuple(f"{value:.1%}" for value in row) for row in values)
    return Chart(
        "depth-and-width",
        "Share of networks that are born dead",
        "Depth kills, width protects: one layer of zeros is enough, and 2 units are zero together "
        "far more often than 8.",
        (
            Heat(
                "layers",
                "width",
                tuple(map(str, layers)),
                tuple(map(str, widths)),
                values,
                texts=texts,
            ),
        ),
    )


STUDY = Study(("C2", "C3"), QUICK, FULL, measure, claims, figures)
