"""What do all-zero, or far too small, initial weights do to ReLU and to sigmoid networks?

Networks 2-8-1 with ReLU or sigmoid learn two of the TensorFlow Playground's data sets, a disc in a
ring and two Gaussian clouds, by plain SGD in batches of 10 on the logistic loss, from Glorot's
random weights and from all weights zero. A network has learnt when its loss is below 0.2 nats.

Units that start alike stay alike: with zero weights and sigmoid the hidden units remain copies of
one another, so that what the network says depends on one direction only, and its boundary is a
straight line. With ReLU, whose derivative at 0 is 0, no weight moves at all.

Too small weights, N(0, 0.01²), are tried on 8 layers of 32 ReLUs that learn handwritten digits,
with and without batch normalisation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
import torch

from defib.datasets.playground import DrawPoints, circle, two_gaussians
from defib.ensemble.data import Data
from defib.ensemble.evaluation import outputs
from defib.ensemble.result import Ensemble
from defib.ensemble.specification import (
    Initialization,
    Network,
    OptimizerSpecification,
    Scope,
    Snapshots,
    Training,
)
from defib.ensemble.training import train_ensemble
from defib.records.chart import Chart, Lines, Mark
from defib.records.study import Claim, Published, StudyResult, Sureness, Table
from defib.studies.base import MOST_SEEDS, Study
from defib.studies.deep_digits import CHANCE_LOSS, Variant, draw_variant, small, train_variant
from defib.studies.intervals import above, always, below, mean_interval, together
from defib.studies.pictures import curve
from defib.studies.regions import places, planes, point_table, region_rows, region_table
from defib.studies.stacks import generator_of
from defib.studies.tables import table
from defib.studies.threads import allowed_threads

DATA: dict[str, DrawPoints] = {"circle": circle, "two clouds": two_gaussians}
STARTS = {"random": "glorot_uniform", "zero": "zeros"}
ACTIVATIONS = ("relu", "sigmoid")
BATCH_SIZE = 10
LEARNING_RATE = 0.1
LEARNT = 0.2
"""Logistic loss in nats; a coin has 0.693."""
COIN = math.log(2)
SHOWN_EPOCHS = 5
"""Epochs between two points of a curve."""

SHEET = "problem set, part 1"

DEEP = {
    "without": Variant(8, torch.relu, small),
    "with batch normalisation": Variant(8, torch.relu, small, is_normalized=True),
}


@final
@dataclass(frozen=True)
class Config:
    """`networks` of each kind for each seed; `deep_steps` of the networks on digits."""

    seeds: int
    networks: int
    points: int = 250
    epochs: int = 400
    deep_steps: int = 120
    deep_rates: tuple[float, ...] = (0.1, 0.3, 1.0)


QUICK = Config(seeds=4, networks=16)
FULL = Config(seeds=10, networks=96, epochs=1000, deep_steps=600)


def measure(config: Config, seed: int) -> Mapping[str, Table]:
    rows, curves, regions = [], [], []
    tables: dict[str, Table] = {}
    for data_name, draw in DATA.items():
        points = draw(config.points, np.random.default_rng(seed))
        data = Data(points.inputs, points.classes.astype(np.float32))
        for activation in ACTIVATIONS:
            for start in STARTS:
                name = f"{activation}, {start}"
                ensemble, losses = _trained(activation, start, data, config, seed)
                said = outputs(ensemble, points.inputs)[..., 0] > 0
                rows.append(
                    (
                        data_name,
                        name,
                        _steps_to_learn(losses, config),
                        float((said == points.classes).mean()),
                        float(np.median(losses[-1])),
                        _largest_weight(ensemble),
                        _difference_of_units(ensemble),
                    )
                )
                every = len(losses) // config.epochs * SHOWN_EPOCHS
                curves += [
                    (data_name, name, at * config.points // BATCH_SIZE, float(np.median(loss)))
                    for at, loss in enumerate(losses)
                    if at % every == 0
                ]
                if data_name == "two clouds":
                    seen = outputs(ensemble, places().numpy())[0, :, 0]
                    regions += region_rows(name, torch.from_numpy(seen.copy()))
        if data_name == "two clouds" and seed % MOST_SEEDS == 0:
            tables["points"] = point_table(points)
    if seed % MOST_SEEDS == 0:
        tables["regions"] = region_table(regions)
    values = "steps_to_learn accuracy loss largest_weight difference_of_units"
    return {
        "start": table("data network", values, rows),
        "curves": table("data network step", "loss", curves),
        "deep": _deep(config, seed),
    } | tables


def _trained(
    activation: str, start: str, data: Data, config: Config, seed: int
) -> tuple[Ensemble, np.ndarray]:
    """The trained networks, and their losses before each epoch [epochs, networks]."""
    training = Training(
        Network((2, 8, 1), (activation, "identity")),
        Initialization(STARTS[start]),
        loss="logistic",
        optimizer=OptimizerSpecification("sgd", LEARNING_RATE),
        batch_size=BATCH_SIZE,
        epochs=config.epochs,
    )
    steps = training.steps_per_epoch(config.points)
    done = train_ensemble(
        training,
        data,
        networks=config.networks,
        seed=seed,
        threads=allowed_threads(),
        snapshots=Snapshots(steps, ("loss",), Scope.DATA),
    )
    assert done.snapshots is not None
    assert done.snapshots.loss is not None
    return done.ensemble, done.snapshots.loss


def _steps_to_learn(losses: np.ndarray, config: Config) -> float:
    """The median over the networks; infinite where most do not learn."""
    is_learnt = losses < LEARNT
    epochs = np.where(is_learnt.any(axis=0), is_learnt.argmax(axis=0), np.inf)
    return float(np.median(epochs)) * config.points / BATCH_SIZE


def _largest_weight(ensemble: Ensemble) -> float:
    return float(max(np.abs(each).max() for each in ensemble.weights))


def _difference_of_units(ensemble: Ensemble) -> float:
    """How far the hidden units' weights are from those of the first unit, at most."""
    first = ensemble.weights[0]
    return float(np.abs(first - first[:, :1]).max())


def _deep(config: Config, seed: int) -> Table:
    rows = []
    for name, variant in DEEP.items():
        generator = generator_of(seed)
        one = draw_variant(variant, generator)
        _, loss, accuracy = train_variant(
            variant, one, config.deep_rates, config.deep_steps, generator
        )
        rows.append((name, loss, accuracy))
    return table("normalisation", "loss accuracy", rows)


def claims(result: StudyResult) -> tuple[Claim, ...]:
    return (
        _random_starts(result),
        _zero_relu(result),
        _zero_sigmoid(result),
        _no_ring_from_zero(result),
        _small_weights(result),
    )


def _steps(result: StudyResult, data: str, network: str) -> tuple[float, ...]:
    return result.by_seed("start").numbers("steps_to_learn", data=data, network=network)


def _random_starts(result: StudyResult) -> Claim:
    relu = mean_interval(_steps(result, "circle", "relu, random"))
    sigmoid = mean_interval(_steps(result, "circle", "sigmoid, random"))
    return Claim(
        "relu-before-sigmoid",
        "From random weights the ReLU network learns the ring in fewer than 1,000 steps, the "
        "sigmoid network needs more than 1,000.",
        together(below(relu, 1000), above(sigmoid, 1000)),
        relu.as_numbers("relu") | sigmoid.as_numbers("sigmoid"),
        Published(
            "ReLU learns in a few hundred steps, sigmoid in more than 1,000", SHEET, Sureness.READ
        ),
    )


def _zero_relu(result: StudyResult) -> Claim:
    start = result.by_seed("start").where(network="relu, zero")
    largest = max(start.numbers("largest_weight"))
    accuracy = max(start.numbers("accuracy"))
    return Claim(
        "zero-relu-learns-nothing",
        "From zero weights the ReLU network learns nothing: every weight is still exactly 0, and "
        "its accuracy that of a constant.",
        together(always([largest == 0]), always([accuracy <= 0.5])),
        {"largest_weight": largest, "largest_accuracy": accuracy},
        Published("nothing is learnt", SHEET, Sureness.READ),
    )


def _zero_sigmoid(result: StudyResult) -> Claim:
    start = result.by_seed("start").where(network="sigmoid, zero")
    alike = max(start.numbers("difference_of_units"))
    steps = mean_interval(_steps(result, "two clouds", "sigmoid, zero"))
    random = mean_interval(_steps(result, "two clouds", "sigmoid, random"))
    return Claim(
        "zero-sigmoid-draws-a-line",
        "From zero weights the sigmoid network's units stay exact copies, so that it can draw a "
        "straight line only; where that suffices it learns, after more than 1,000 steps and "
        "later than from random weights.",
        together(always([alike == 0]), above(steps, 1000), above(steps, random.high)),
        {"difference_of_units": alike}
        | steps.as_numbers("steps")
        | random.as_numbers("steps_from_random"),
        Published("eventually a linear boundary, after thousands of steps", SHEET, Sureness.READ),
    )


def _no_ring_from_zero(result: StudyResult) -> Claim:
    start = result.by_seed("start")
    accuracy = mean_interval(start.numbers("accuracy", data="circle", network="sigmoid, zero"))
    return Claim(
        "a-line-cannot-close-a-ring",
        "On the ring, where a line does not suffice, the sigmoid network from zero weights stays "
        "below an accuracy of 75 %.",
        below(accuracy, 0.75),
        accuracy.as_numbers("accuracy"),
    )


def _small_weights(result: StudyResult) -> Claim:
    deep = result.by_seed("deep")
    without = mean_interval(deep.numbers("loss", normalisation="without"))
    gain = mean_interval(deep.numbers("loss", normalisation="with batch normalisation"))
    return Claim(
        "small-weights-need-normalisation",
        "Eight ReLU layers with weights N(0, 0.01²) stay at the loss of guessing (within 1 %); "
        "with batch normalisation they get below it by a tenth and more.",
        together(above(without, 0.99 * CHANCE_LOSS), below(gain, 0.9 * CHANCE_LOSS)),
        without.as_numbers("without")
        | gain.as_numbers("with_normalisation")
        | {"guessing": CHANCE_LOSS},
    )


def figures(result: StudyResult) -> tuple[Chart, ...]:
    curves = result.tables["curves"]
    names = [f"{activation}, {start}" for activation in ACTIVATIONS for start in STARTS]
    panels = tuple(
        Lines(
            "step",
            "loss [nats]",
            tuple(curve(curves, name, "step", "loss", data=data, network=name) for name in names),
            data,
            is_log_y=True,
            marks=(Mark("a coin", COIN),),
        )
        for data in DATA
    )
    return (
        Chart(
            "loss",
            "Loss from random and from zero weights",
            "ReLU from zero weights never leaves the loss of a coin; sigmoid from zero weights "
            "leaves it where one straight line parts the classes.",
            panels,
            columns=2,
            height=320,
        ),
        Chart(
            "regions",
            "Two clouds: what the networks say of every place",
            "From zero weights the ReLU network says the same everywhere, and the sigmoid network "
            "draws a straight line.",
            tuple(planes(result, names, str)),
            columns=4,
            height=200,
        ),
    )


STUDY = Study(("E1", "B7"), QUICK, FULL, measure, claims, figures)
