"""Which ReLU network computes XOR, how few layers suffice, and how often does training find it?

First by exact evaluation, in whole numbers: AND and OR need one linear layer, XOR a hidden layer
of two ReLUs. That no layer less suffices is shown by f(0,0) + f(1,1) = f(0,1) + f(1,0), which
holds for every affine f: with XOR the left side is at most 0 and the right side positive.

Then by training: many networks 2-H-1 with ReLU, from PyTorch's default weights, by Adam on all
four examples and the logistic loss. Found means all four outputs have the right sign.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import final

import torch

from defib.records.chart import Chart, Line, Lines
from defib.records.study import Claim, Published, StudyResult, Sureness, Table
from defib.studies.base import MOST_SEEDS, Study
from defib.studies.intervals import Interval, above, always, below, share_interval, together
from defib.studies.stacks import draw_stack, generator_of, logistic_losses, step
from defib.studies.tables import table

CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))
XOR = (0, 1, 1, 0)
"""At the corners in their order."""

Layer = tuple[tuple[tuple[int, ...], int], ...]
"""For each unit its weights and its bias."""

GATES: dict[str, tuple[tuple[Layer, ...], tuple[int, ...]]] = {
    "AND": (((((1, 1), -1),),), (0, 0, 0, 1)),
    "OR": ((((((1, 1), 0)),),), (0, 1, 1, 1)),
    "XOR": (((((1, 1), 0), ((1, 1), -1)), ((((1, -2), 0)),)), XOR),
}
"""Layers of each network, ReLU behind all but the last, and what it is to say; true is > 0."""

LEAST_COUNT = 3
"""Whole weights from −3 to 3 are tried one and all for a single layer."""


@final
@dataclass(frozen=True)
class Config:
    """`networks` for each width and seed."""

    seeds: int
    networks: int
    steps: int = 400
    learning_rate: float = 0.05
    widths: tuple[int, ...] = (1, 2, 3, 4, 8, 16)


QUICK = Config(seeds=2, networks=200, steps=300, widths=(1, 2, 4, 16))
FULL = Config(seeds=5, networks=2000, steps=2000)


def measure(config: Config, seed: int) -> Mapping[str, Table]:
    generator = generator_of(seed)
    found = []
    for width in config.widths:
        right = _trained(config, width, generator)
        found.append((width, int(right.sum()), config.networks))
    tables = {"found": table("width", "found networks", found)}
    return tables | _exact() if seed % MOST_SEEDS == 0 else tables


def _exact() -> dict[str, Table]:
    """What needs no chance, and is the same for every seed."""
    gates = [
        (name, x1, x2, evaluate(layers, (x1, x2)), bool(wanted[at]))
        for name, (layers, wanted) in GATES.items()
        for at, (x1, x2) in enumerate(CORNERS)
    ]
    single = [(name, most_corners_right(wanted)) for name, (_, wanted) in GATES.items()]
    return {
        "gates": table("gate x1 x2", "output wanted", gates),
        "one-layer": table("gate", "most_corners_right", single),
    }


def evaluate(layers: Sequence[Layer], inputs: Sequence[int]) -> int:
    """The output of a ReLU network with whole weights, exactly."""
    signal = tuple(inputs)
    for at, layer in enumerate(layers):
        sums = tuple(
            sum(w * x for w, x in zip(weights, signal, strict=True)) + bias
            for weights, bias in layer
        )
        signal = sums if at == len(layers) - 1 else tuple(max(0, each) for each in sums)
    return signal[0]


def most_corners_right(wanted: Sequence[int]) -> int:
    """The most corners that any single layer with whole weights up to ±3 gets right."""
    weights = range(-LEAST_COUNT, LEAST_COUNT + 1)
    return max(
        sum(
            (w1 * x1 + w2 * x2 + bias > 0) == bool(each)
            for (x1, x2), each in zip(CORNERS, wanted, strict=True)
        )
        for w1, w2, bias in product(weights, repeat=3)
    )


def _trained(config: Config, width: int, generator: torch.Generator) -> torch.Tensor:
    """Of each network, whether all four outputs are right at the end."""
    inputs = torch.tensor(CORNERS, dtype=torch.float32)
    targets = torch.tensor(XOR, dtype=torch.float32)[:, None]
    stack = draw_stack((2, width, 1), torch.relu, config.networks, generator)
    stack = replace(
        stack,
        weights=tuple(_uniform(each, each.shape[1], generator) for each in stack.weights),
        biases=tuple(
            _uniform(bias, weight.shape[1], generator)
            for bias, weight in zip(stack.biases, stack.weights, strict=True)
        ),
    )
    optimizer = torch.optim.Adam(stack.parameters, lr=config.learning_rate)
    for _ in range(config.steps):
        step(optimizer, logistic_losses(stack(inputs), targets))
    with torch.no_grad():
        return ((stack(inputs) > 0) == (targets > 0.5)).all(dim=1).squeeze(1)


def _uniform(like: torch.Tensor, fan_in: int, generator: torch.Generator) -> torch.Tensor:
    """U(±1/√fan-in), as torch.nn.Linear draws weights and biases."""
    drawn = torch.rand(like.shape, generator=generator)
    return ((2 * drawn - 1) / fan_in**0.5).requires_grad_()


def claims(result: StudyResult) -> tuple[Claim, ...]:
    gates, single = result.by_seed("gates"), result.by_seed("one-layer")
    right = [(float(str(row[4])) > 0) == row[5] for row in gates.rows]
    most = {str(name): max(single.numbers("most_corners_right", gate=name)) for name in GATES}
    shares = {width: _share(result, width) for width in _widths(result)}
    two, widest = shares[2], shares[max(shares)]
    return (
        Claim(
            "weights-are-right",
            "The given whole weights compute AND and OR with one layer and XOR with two ReLUs "
            "before it, at all four corners.",
            always(right),
            {"corners_right": sum(right), "corners": len(right)},
            Published(
                "XOR needs 2 layers, one of them hidden",
                "problem set, part 3",
                Sureness.READ,
                {"layers": 2},
            ),
        ),
        Claim(
            "one-layer-is-too-few",
            "A single layer reaches AND and OR but at most 3 of the 4 corners of XOR, over all "
            "whole weights up to ±3; in general f(0,0) + f(1,1) = f(0,1) + f(1,0) forbids it.",
            always([most["AND"] == 4, most["OR"] == 4, most["XOR"] == 3]),
            dict(most),
            Published(
                "XOR is not linearly separable",
                "Minsky and Papert, Perceptrons (1969)",
                Sureness.REMEMBERED,
            ),
        ),
        Claim(
            "training-misses-it",
            "With the two hidden ReLUs that suffice, training finds XOR in fewer than 9 of 10 "
            f"networks; with {max(shares)} in more than 99 of 100.",
            together(below(two, 0.9), above(widest, 0.99)),
            two.as_numbers("two_units") | widest.as_numbers("widest"),
        ),
        Claim(
            "one-unit-never",
            "With one hidden ReLU it is never found.",
            always([shares[1].estimate == 0]) if 1 in shares else always([]),
            {"found": shares[1].estimate * shares[1].count, "networks": shares[1].count},
            Published("one ReLU unit is a step along one direction", "geometry", Sureness.DERIVED),
        ),
    )


def _widths(result: StudyResult) -> tuple[int, ...]:
    return tuple(int(str(each)) for each in result.by_seed("found").distinct("width"))


def _share(result: StudyResult, width: int) -> Interval:
    rows = result.by_seed("found")
    total = sum(rows.numbers("networks", width=width))
    return share_interval(int(sum(rows.numbers("found", width=width))), int(total))


def figures(result: StudyResult) -> tuple[Chart, ...]:
    widths = _widths(result)
    shares = [_share(result, width) for width in widths]
    line = Line(
        "share of trained networks",
        tuple(float(width) for width in widths),
        tuple(each.estimate for each in shares),
        tuple(each.low for each in shares),
        tuple(each.high for each in shares),
    )
    words = ", ".join(f"{w}: {s.estimate:.1%}" for w, s in zip(widths, shares, strict=True))
    return (
        Chart(
            "found",
            "How often training finds XOR",
            f"Share of networks that classify all four corners, by hidden units: {words}.",
            (Lines("hidden ReLUs", "share that finds XOR", (line,), limits=(-0.02, 1.05)),),
        ),
    )


STUDY = Study(("E3",), QUICK, FULL, measure, claims, figures)
