"""Why a convolutional network, and not a dense one that learns locality?

Three kinds of networks of the same layers, 5 x 5 windows of stride 2: convolutional; locally
connected, where each place has weights of its own; and dense. They are trained with as many updates
(Adam, batches of 32, up to the end of an epoch) on MNIST, by the number of training images, and on
screenshots of questions ("Is 7 in 471?"), where the number may stand anywhere and no number of the
held-out questions was seen. On MNIST the dense network has as many units as the others, layer by
layer; on the screenshots it has two hidden layers of 100 units.

Measured: accuracy on held-out images and on those of the training; parameters; memory of the
parameters, their gradients and Adam's two moments, without activations; seconds for 1,000 examples
in the fastest epoch, watched by defib. As a test of sharing the held-out images of MNIST are moved
by some pixels, and it is measured how far the first maps are from moving with the image. Sizes and
weights of the network of three layers with 100 channels for 45 x 45 x 3 pixels are worked out for
all three kinds.

Quick: few channels, up to 2,000 digits and 800 screenshots. Full: 32, 64 and 100 channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import nn

from defib.datasets.number_screenshots import SIDE, number_screenshots
from defib.records.chart import Bars, BarSeries, Chart, Lines
from defib.records.study import StudyResult, Table
from defib.studies.base import Study
from defib.studies.convolution_against_dense.claims import (
    CHANCE,
    DIGITS,
    SHEET_CHANNELS,
    SHOTS,
    claims,
)
from defib.studies.convolution_against_dense.local_layers import (
    DENSE,
    KINDS,
    MAKERS,
    SHARED,
    Task,
    Trained,
    accuracy_by_shift,
    parameter_count,
    shift_error,
    trained,
    weight_count,
)
from defib.studies.image_sets import Images, ImageScale, device_called, images_of
from defib.studies.pictures import curve
from defib.studies.silence import TABLE, watched_table
from defib.studies.tables import table

EDGE = 28
SHORT = ("convol.", "local", "dense")
"""Of `KINDS`, below bars."""
SHIFTS = (0, 1, 2, 3, 4)
"""In pixels; the digits of MNIST have a margin of 4."""


@final
@dataclass(frozen=True)
class Config:
    """The sizes of the two tasks."""

    seeds: int
    digits: Task
    shots: Task


@final
@dataclass(frozen=True)
class _Rows:
    """Of the tables of a seed, as they are measured."""

    accuracy: list[tuple[str, str, int, float, float]]
    costs: list[tuple[str, str, int, float]]
    seconds: list[tuple[str, str, float]]
    shifts: list[tuple[str, int, float]]
    first_maps: list[tuple[str, str, float]]
    watched: list[tuple[str, tuple[str, ...]]]


QUICK = Config(
    seeds=4,
    digits=Task((1, 8, 16), (100, 500, 2000), 250, 1000),
    shots=Task((3, 8, 8, 8), (200, 800), 300, 400, outputs=2, hidden=(100, 100)),
)
FULL = Config(
    seeds=5,
    digits=Task((1, 32, 64), (100, 1000, 10_000, 60_000), 20_000, 10_000, device="auto"),
    shots=Task(
        (3, 100, 100, 100), (500, 4000, 32_000), 20_000, 4000, 2, hidden=(100, 100), device="auto"
    ),
)


def measure(config: Config, seed: int) -> Mapping[str, Table]:
    rows = _Rows([], [], [], [], [], [])
    for name, task, data in (
        (DIGITS, config.digits, _digits(config.digits, seed)),
        (SHOTS, config.shots, _shots(config.shots, seed)),
    ):
        for kind in KINDS:
            _measure_kind(
                rows,
                name,
                kind,
                data,
                [trained(task, kind, data, count, seed) for count in task.examples],
            )
    return {
        "accuracy": table("data network examples", "accuracy train_accuracy", rows.accuracy),
        "costs": table("data network", "parameters megabytes", rows.costs),
        "time": table("data network", "seconds_per_1000_examples", rows.seconds),
        "shifts": table("network pixels", "accuracy", rows.shifts),
        "first-maps": table("data network", "shift_error", rows.first_maps),
        "sheet": _sheet(),
        TABLE: watched_table(rows.watched),
    }


def _measure_kind(rows: _Rows, name: str, kind: str, data: Images, done: list[Trained]) -> None:
    """Add the rows of one kind of network on one task, trained on more and more examples."""
    for each in done:
        rows.accuracy.append((name, kind, each.examples, each.accuracy, each.train_accuracy))
        # The others know the screenshots they are trained on by heart, as they are meant to.
        if name == DIGITS or kind == SHARED:
            rows.watched.append((f"{name}, {kind}, {each.examples} images", each.rules))
    last = done[-1]
    rows.costs.append((name, kind, parameter_count(last.network), last.megabytes))
    rows.seconds.append((name, kind, last.seconds))
    if name == DIGITS:
        moved = accuracy_by_shift(last.network, data, SHIFTS)
        rows.shifts.extend((kind, *each) for each in moved)
    if kind != DENSE:
        rows.first_maps.append((name, kind, shift_error(last.network, data.validation_images)))


def _digits(task: Task, seed: int) -> Images:
    scale = ImageScale(task.examples[-1], task.held_out, EDGE, task.device)
    return images_of("mnist", scale, seed)


def _shots(task: Task, seed: int) -> Images:
    train, held_out = number_screenshots(task.examples[-1], task.held_out, seed=seed)
    device = device_called(task.device)
    tensors = (train.images, train.answers, held_out.images, held_out.answers)
    return Images(*(each.to(device) for each in tensors))


def _sheet() -> Table:
    """Weights of the exercise's network and of its kin, and the sides of its maps."""
    rows = []
    with torch.device("meta"):
        for kind in KINDS:
            network = MAKERS[kind](SHEET_CHANNELS, 1, edge=SIDE)
            rows.append((kind, *_sides(network), weight_count(network)))
    return table("network", "first second third weights", rows)


def _sides(network: nn.Sequential) -> tuple[int | None, ...]:
    """Of the maps after each ReLU; no value where there are no maps."""
    found: list[int | None] = []
    features = torch.empty(1, 3, SIDE, SIDE)
    for layer in network:
        features = layer(features)
        if isinstance(layer, nn.ReLU):
            found.append(features.shape[-1] if features.dim() == 4 else None)
    return tuple(found)


def figures(result: StudyResult) -> tuple[Chart, ...]:
    return (
        _accuracy_chart(result),
        _by_heart_chart(result),
        _shifts_chart(result),
        _costs_chart(result),
    )


def _accuracy_chart(result: StudyResult) -> Chart:
    accuracy = result.tables["accuracy"]

    def panel(data: str) -> Lines:
        curves = tuple(
            curve(accuracy, kind, "examples", "accuracy", data=data, network=kind) for kind in KINDS
        )
        counts = accuracy.where(data=data).numbers("examples")
        # Over less than a power of ten a logarithmic axis would have no numbers.
        is_wide = max(counts) > 10 * min(counts)
        return Lines("training images", "accuracy", curves, data, is_log_x=is_wide)

    return Chart(
        "accuracy",
        "Accuracy by the number of training images",
        "On held-out images, with intervals over the seeds. Digits are centred in their images; "
        "on the screenshots the number stands anywhere.",
        (panel(DIGITS), panel(SHOTS)),
        columns=2,
        height=300,
    )


def _by_heart_chart(result: StudyResult) -> Chart:
    shots = result.tables["accuracy"].where(data=SHOTS)
    most = shots.distinct("examples")[-1]
    at_most = shots.where(examples=most)
    series = tuple(
        BarSeries(label, *(at_most.numbers(f"{column}{end}") for end in ("", "_low", "_high")))
        for label, column in (("training", "train_accuracy"), ("held out", "accuracy"))
    )
    return Chart(
        "by-heart",
        "Learned, or learned by heart",
        f"Accuracy on {most} screenshots of the training and on held-out ones, with intervals over "
        "the seeds. Networks that do not share know the former by heart and say little about new "
        "ones.",
        (Bars(KINDS, series, "accuracy", limits=(0.0, 1.05), marks=(CHANCE,)),),
        height=280,
    )


def _shifts_chart(result: StudyResult) -> Chart:
    shifts = result.tables["shifts"]
    return Chart(
        "shifts",
        "Digits that stand elsewhere",
        "Accuracy on held-out digits moved by whole pixels, mean over up, down, left and right, "
        "with intervals over the seeds. None of the networks was trained on moved digits.",
        (
            Lines(
                "pixels moved",
                "accuracy",
                tuple(curve(shifts, kind, "pixels", "accuracy", network=kind) for kind in KINDS),
            ),
        ),
        height=280,
    )


def _costs_chart(result: StudyResult) -> Chart:
    costs, seconds = result.tables["costs"], result.tables["time"]

    def panel(of: Table, column: str, label: str, *, is_log: bool) -> Bars:
        series = tuple(
            BarSeries(
                data, *(of.numbers(f"{column}{end}", data=data) for end in ("", "_low", "_high"))
            )
            for data in (DIGITS, SHOTS)
        )
        return Bars(SHORT, series, label, is_log_y=is_log)

    return Chart(
        "costs",
        "What the networks cost",
        "Parameters; megabytes of parameters, gradients and Adam's moments; seconds of training "
        "for 1,000 examples in the fastest epoch, on the machine that ran the study. The dense "
        "network for screenshots is narrower than the others: as wide it would have 632 million "
        "weights at 100 channels.",
        (
            panel(costs, "parameters", "parameters", is_log=True),
            panel(costs, "megabytes", "MB to be trained", is_log=True),
            panel(seconds, "seconds_per_1000_examples", "s per 1,000 examples", is_log=False),
        ),
        columns=3,
        height=300,
    )


STUDY = Study(("B5", "A4", "A5", "A6"), QUICK, FULL, measure, claims, figures, dataset="mnist")
