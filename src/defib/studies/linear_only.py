"""What can a deep network of linear layers not do?

Two classes in the plane, a disc and a ring around it (the TensorFlow Playground's circle), cannot
be parted by a straight line. Networks of 1, 2, 4 and 8 linear layers without activations, and one
of two layers with a ReLU between them, are trained on all points by Adam on the logistic loss.

The best that any straight line can do is bounded on each data set by trying all lines through two
of its points, both of which count as right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
import torch.nn.functional as F

from defib.datasets.playground import PlanePoints, circle
from defib.records.chart import Bars, Chart, Mark
from defib.records.study import Claim, Published, StudyResult, Sureness, Table
from defib.studies.base import MOST_SEEDS, Study
from defib.studies.intervals import above, always, difference_interval, mean_interval, within
from defib.studies.pictures import bars
from defib.studies.regions import places, planes, point_table, region_rows, region_table
from defib.studies.stacks import Stack, draw_stack, generator_of, glorot, he, identity, step
from defib.studies.tables import table

ROUNDING = 1e-4
"""Of a product of eight float32 matrices, relative to the largest output."""
SAME_ACCURACY = 0.03
"""Depths whose accuracies differ by less are called alike."""
SOLVED = 0.97
"""Accuracy of a network that has learnt the ring."""


@final
@dataclass(frozen=True)
class Config:
    """`networks` of each kind for each seed, all on the same `points`."""

    seeds: int
    networks: int
    points: int = 200
    steps: int = 400
    width: int = 16
    depths: tuple[int, ...] = (1, 2, 4, 8)
    learning_rate: float = 0.01


QUICK = Config(seeds=3, networks=4, steps=200, depths=(1, 2, 8), learning_rate=0.03)
FULL = Config(seeds=10, networks=20, steps=2000)


def measure(config: Config, seed: int) -> Mapping[str, Table]:
    points = circle(config.points, np.random.default_rng(seed))
    inputs = torch.from_numpy(points.inputs)
    targets = torch.from_numpy(points.classes).float()[:, None]
    generator = generator_of(seed)
    rows, regions = [], []
    for depth in (*config.depths, 0):
        stack = _network(config, depth, generator)
        optimizer = torch.optim.Adam(stack.parameters, lr=config.learning_rate)
        for _ in range(config.steps):
            outputs = stack(inputs)
            wanted = targets.expand_as(outputs)
            losses = F.binary_cross_entropy_with_logits(outputs, wanted, reduction="none")
            step(optimizer, losses.mean(dim=(1, 2)))
        with torch.no_grad():
            accuracy = ((stack(inputs) > 0) == (targets > 0.5)).float().mean(dim=(1, 2))
            difference = _distance_from_one_map(stack, inputs)
        rows.append(
            (
                _name(depth),
                depth,
                accuracy.mean().item(),
                accuracy.max().item(),
                difference,
                best_line_accuracy(points),
            )
        )
        regions += region_rows(_name(depth), stack(places())[0])
    tables = {
        "accuracy": table(
            "network layers", "accuracy best_accuracy difference_from_one_map line_bound", rows
        )
    }
    if seed % MOST_SEEDS == 0:
        tables |= {"points": point_table(points), "regions": region_table(regions)}
    return tables


def _network(config: Config, depth: int, generator: torch.Generator) -> Stack:
    """`depth` linear layers; depth 0 stands for two layers with a ReLU between."""
    widths = (2, *[config.width] * (max(depth, 2 if depth == 0 else 1) - 1), 1)
    kind, deviation = (torch.relu, he) if depth == 0 else (identity, glorot)
    return draw_stack(widths, kind, config.networks, generator, deviation=deviation)


def _name(depth: int) -> str:
    return {0: "ReLU, 2 layers", 1: "linear, 1 layer"}.get(depth, f"linear, {depth} layers")


def _distance_from_one_map(stack: Stack, inputs: torch.Tensor) -> float:
    """Largest |network(x) − (xA + b)| over |network(x)|'s largest, A and b the layers' product."""
    product, bias = stack.weights[0], stack.biases[0]
    for weight, each in zip(stack.weights[1:], stack.biases[1:], strict=True):
        product, bias = product @ weight, bias @ weight + each
    outputs = stack(inputs)
    return float((outputs - (inputs @ product + bias)).abs().max() / outputs.abs().max())


def best_line_accuracy(points: PlanePoints) -> float:
    """No straight line classifies a larger share of the points than this."""
    inputs, signs = points.inputs.astype(np.float64), points.signs
    first, second = np.triu_indices(len(inputs), 1)
    along = inputs[second] - inputs[first]
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1)
    side = np.sign(normal @ inputs.T - (normal * inputs[first]).sum(1)[:, None])
    lines = np.arange(len(first))
    side[lines, first] = side[lines, second] = 0
    agreement = side @ signs
    # Of the n − 2 others, (n − 2 ± agreement)/2 lie on the right side.
    right = (len(inputs) - 2 + np.abs(agreement)) / 2 + 2
    return float(right.max() / len(inputs))


def claims(result: StudyResult) -> tuple[Claim, ...]:
    table_of = result.by_seed("accuracy")
    linear = [row for row in table_of.rows if row[2] != 0]
    differences = [float(row[5] or 0) for row in linear]
    deepest = max(float(each or 0) for each in table_of.distinct("layers"))
    depth = difference_interval(
        table_of.numbers("accuracy", layers=int(deepest)), table_of.numbers("accuracy", layers=1)
    )
    relu = mean_interval(table_of.numbers("accuracy", layers=0))
    return (
        Claim(
            "one-map",
            "However many linear layers, the network computes one linear map: its outputs differ "
            f"from those of the product of its matrices by less than {ROUNDING:g} (rounding).",
            always(each < ROUNDING for each in differences),
            {"largest_relative_difference": max(differences)},
            Published("a product of matrices is a matrix", "linear algebra", Sureness.DERIVED),
        ),
        Claim(
            "no-better-than-a-line",
            "No linear network of any depth classifies more points than the best straight line.",
            always(float(row[4] or 0) <= float(row[6] or 0) + 1e-6 for row in linear),
            {
                "best_accuracy": max(float(row[4] or 0) for row in linear),
                "line_bound": max(float(row[6] or 0) for row in linear),
            },
        ),
        Claim(
            "depth-does-not-help",
            f"{deepest:.0f} linear layers are as accurate as one, within {SAME_ACCURACY:.0%}.",
            within(depth, -SAME_ACCURACY, SAME_ACCURACY),
            depth.as_numbers("difference"),
        ),
        Claim(
            "one-relu-suffices",
            f"A ReLU between two layers is enough: accuracy above {SOLVED:.0%}.",
            above(relu, SOLVED),
            relu.as_numbers("accuracy"),
        ),
    )


def figures(result: StudyResult) -> tuple[Chart, ...]:
    accuracy = result.tables["accuracy"]
    names = [str(each) for each in accuracy.distinct("network")]
    shown = [names[0], names[-2], names[-1]]
    bound = max(accuracy.numbers("line_bound"))
    shown_bars = bars(accuracy, "accuracy", "accuracy")
    return (
        Chart(
            "regions",
            "What the networks say of every place",
            "Circles and triangles are the two classes. The linear networks part the plane along "
            "a straight line, or not at all; the ReLU network closes its region.",
            tuple(planes(result, shown, str)),
            columns=3,
            height=240,
        ),
        Chart(
            "accuracy",
            "Accuracy on the training points",
            "; ".join(f"{n} {a:.0%}" for n, a in zip(names, shown_bars.values, strict=True)) + ".",
            (
                Bars(
                    tuple(names),
                    (shown_bars,),
                    "accuracy",
                    limits=(0, 1.05),
                    marks=(Mark(f"bound for every straight line, {bound:.0%}", bound),),
                ),
            ),
        ),
    )


STUDY = Study(("B2",), QUICK, FULL, measure, claims, figures)
