"""What happens when a ReLU network sees all negative examples first, then all positive ones?

Networks 2-8-1 with ReLU learn the TensorFlow Playground's circle by plain SGD on the logistic loss,
one example at a time: first every negative example once, then every positive one; beside it the
same examples in random order. A unit is dead if it is zero for all examples. Afterwards both go on
for several epochs in random order, to see which dead units recover.

The order is also shown to defib: the same training, watched from its first step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from defib.datasets.playground import PlanePoints, circle
from defib.ensemble.data import Data
from defib.ensemble.evaluation import outputs, unit_ranges
from defib.ensemble.result import Ensemble, initial_ensemble
from defib.ensemble.specification import (
    Initialization,
    Network,
    OptimizerSpecification,
    Training,
)
from defib.ensemble.training import train_ensemble
from defib.networks.dense import dense_network
from defib.records.chart import Bars, Chart, Mark
from defib.records.study import Claim, Published, StudyResult, Sureness, Table
from defib.studies.base import Study
from defib.studies.diagnosed import trained_and_watched
from defib.studies.intervals import (
    Interval,
    above,
    always,
    below,
    difference_interval,
    mean_interval,
    numbers_of,
    together,
)
from defib.studies.pictures import bars
from defib.studies.tables import table
from defib.studies.threads import allowed_threads
from defib.training.setup import TrainingSetup

RULE = "label-ordered-batches"
SORTED, SHUFFLED = "negatives first", "random order"
WATCHED_BATCH = 8
"""Examples in a batch of the watched training."""
GUESSING = 0.6
"""Accuracy below which a network of two equally frequent classes is little better than a coin."""
LEARNED = 0.8


@final
@dataclass(frozen=True)
class Config:
    """`networks` for each learning rate and order; `later_epochs` in random order."""

    seeds: int
    networks: int
    points: int = 1000
    learning_rates: tuple[float, ...] = (0.03, 0.1, 0.3)
    later_epochs: int = 10


QUICK = Config(seeds=4, networks=64, later_epochs=6)
FULL = Config(seeds=12, networks=480, later_epochs=50)


def measure(config: Config, seed: int) -> Mapping[str, Table]:
    points = circle(config.points, np.random.default_rng(seed))
    rows = [
        (order, rate, *_outcome(points, rate, config, seed, is_sorted=order == SORTED))
        for rate in config.learning_rates
        for order in (SORTED, SHUFFLED)
    ]
    judged = [
        (order, RULE in trained_and_watched(setup)[1].rules)
        for order in (SORTED, SHUFFLED)
        for setup in [_watched(points, seed, is_sorted=order == SORTED)]
    ]
    values = "accuracy called_positive dead later_accuracy later_dead revived"
    return {
        "order": table("order learning_rate", values, rows),
        "judged": table("order", "is_named", judged),
    }


def _outcome(
    points: PlanePoints, rate: float, config: Config, seed: int, *, is_sorted: bool
) -> tuple[float, ...]:
    ensemble = initial_ensemble(_training(rate, 1), config.networks, seed=seed)
    is_negative = points.classes == 0
    parts = (is_negative, ~is_negative) if is_sorted else (np.ones_like(is_negative),)
    for part in parts:
        ensemble = _trained(ensemble, points, part, rate, seed=seed)
    said = outputs(ensemble, points.inputs)[..., 0] > 0
    dead = _dead(ensemble, points)
    everything = np.ones_like(is_negative)
    later = _trained(ensemble, points, everything, rate, seed=seed + 1, epochs=config.later_epochs)
    still_dead = _dead(later, points)
    later_said = outputs(later, points.inputs)[..., 0] > 0
    return (
        float((said == points.classes).mean()),
        float(said.mean()),
        float(dead.mean()),
        float((later_said == points.classes).mean()),
        float(still_dead.mean()),
        float((dead & ~still_dead).sum()),
    )


def _training(rate: float, epochs: int) -> Training:
    return Training(
        Network((2, 8, 1), ("relu", "identity")),
        Initialization("he_normal"),
        loss="logistic",
        optimizer=OptimizerSpecification("sgd", rate),
        batch_size=1,
        epochs=epochs,
    )


def _trained(
    start: Ensemble,
    points: PlanePoints,
    part: np.ndarray,
    rate: float,
    *,
    seed: int,
    epochs: int = 1,
) -> Ensemble:
    """The networks after one example at a time of `part`, in random order."""
    data = Data(points.inputs[part], points.classes[part].astype(np.float32))
    done = train_ensemble(
        _training(rate, epochs),
        data,
        networks=start.networks,
        seed=seed,
        start=start,
        threads=allowed_threads(),
    )
    return done.ensemble


def _dead(ensemble: Ensemble, points: PlanePoints) -> np.ndarray:
    """[networks, hidden units]: zero for all examples."""
    return unit_ranges(ensemble, points.inputs)[0].is_zero


def _watched(points: PlanePoints, seed: int, *, is_sorted: bool) -> TrainingSetup:
    generator = torch.Generator().manual_seed(seed)
    order = np.argsort(points.classes, kind="stable")
    inputs = torch.from_numpy(points.inputs[order])
    targets = torch.from_numpy(points.classes[order]).float()[:, None]
    torch.manual_seed(seed)
    model = dense_network((2, 8, 1), nn.ReLU)
    loader = DataLoader(
        TensorDataset(inputs, targets),
        batch_size=WATCHED_BATCH,
        shuffle=not is_sorted,
        generator=generator,
    )
    return TrainingSetup(
        name="label-order",
        model=model,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
        loss_function=nn.BCEWithLogitsLoss(),
        batches=lambda _: loader,
        steps=2 * len(loader),
    )


def claims(result: StudyResult) -> tuple[Claim, ...]:
    order, judged = result.by_seed("order"), result.by_seed("judged")
    rates = [float(str(each)) for each in order.distinct("learning_rate")]
    after = {
        name: mean_interval(order.numbers("accuracy", order=name)) for name in (SORTED, SHUFFLED)
    }
    positive = mean_interval(order.numbers("called_positive", order=SORTED))
    gaps = {rate: _gap(order, "dead", rate) for rate in rates}
    later = {rate: _gap(order, "later_dead", rate) for rate in rates}
    revived = sum(order.numbers("revived"))
    named = [bool(each) for each in judged.where(order=SORTED).column("is_named")]
    false = [bool(each) for each in judged.where(order=SHUFFLED).column("is_named")]
    return (
        Claim(
            "last-class-wins",
            "After one pass with the negatives first the networks call nearly everything "
            f"positive: more than 90 %, with an accuracy below {GUESSING:.0%}; after the same "
            f"examples in random order it is above {LEARNED:.0%}.",
            together(
                above(positive, 0.9),
                below(after[SORTED], GUESSING),
                above(after[SHUFFLED], LEARNED),
            ),
            positive.as_numbers("called_positive")
            | after[SORTED].as_numbers("accuracy_sorted")
            | after[SHUFFLED].as_numbers("accuracy_random"),
        ),
        Claim(
            "order-kills-units",
            "At every learning rate more ReLUs are dead after the sorted pass than after the "
            "random one.",
            together(*(above(gap, 0.0) for gap in gaps.values())),
            numbers_of(gaps, "difference at {:g}"),
            Published("ReLUs die, and never recover", "problem set, part 2", Sureness.READ),
            reason="During the pass itself the random order kills more. The negatives alone are "
            "soon answered by the output's bias, and then nothing moves any more; the damage "
            "comes with what follows, see the next claim.",
        ),
        Claim(
            "the-damage-comes-later",
            "After the later epochs in random order more ReLUs are dead where the first pass was "
            "sorted, at every learning rate.",
            together(*(above(gap, 0.0) for gap in later.values())),
            numbers_of(later, "difference at {:g}"),
        ),
        Claim(
            "the-dead-stay-dead",
            "No unit that was dead after the pass is revived by the later epochs in random order.",
            always([revived == 0]),
            {"revived": revived},
            Published("dead ReLUs never recover", "problem set, part 2", Sureness.READ),
        ),
        Claim(
            "defib-names-it",
            f"defib names `{RULE}` in every sorted training and in no shuffled one.",
            together(always(named), always(not each for each in false)),
            {"named": sum(named), "of": len(named), "false_alarms": sum(false)},
        ),
    )


def _gap(order: Table, column: str, rate: float) -> Interval:
    """How much larger the column is in the sorted order, paired by seed."""
    return difference_interval(
        order.numbers(column, order=SORTED, learning_rate=rate),
        order.numbers(column, order=SHUFFLED, learning_rate=rate),
    )


def figures(result: StudyResult) -> tuple[Chart, ...]:
    order = result.tables["order"]
    rates = tuple(f"{float(str(each)):g}" for each in order.distinct("learning_rate"))

    def panel(column: str, label: str, title: str, top: float | None) -> Bars:
        series = tuple(bars(order, name, column, order=name) for name in (SORTED, SHUFFLED))
        marks = (Mark("a coin", 0.5),) if column == "accuracy" else ()
        limits = None if top is None else (0.0, top)
        return Bars(rates, series, label, title, "learning rate", marks=marks, limits=limits)

    return (
        Chart(
            "order",
            "All negative examples first, and in random order",
            "Left: accuracy after one pass; with the negatives first, the last class wins. Then: "
            "share of dead ReLUs, after the pass and after later epochs in random order.",
            (
                panel("accuracy", "accuracy", "after one pass", 1.05),
                panel("dead", "share of ReLUs", "dead after the pass", None),
                panel("later_dead", "share of ReLUs", "dead after later epochs", None),
            ),
            columns=3,
            height=300,
        ),
    )


STUDY = Study(("E2",), QUICK, FULL, measure, claims, figures)
