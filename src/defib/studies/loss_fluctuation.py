"""Why does a flat loss still fluctuate from step to step?

A network all of whose ReLUs are dead gives the same output, its bias c, for every tumour. Its loss
on a batch depends on nothing but how many of the batch are benign: for a batch of b the logistic
loss has the standard deviation |c|·√(p(1 − p)/b), p being the share of benign tumours. With c = 0
the output says one half, both labels cost ln 2, and the loss is exactly constant.

Beside the loss of each batch stands its mix loss: the one it would have if all its examples got
the batch's mean output. The part of the fluctuation that the label mix explains is the squared
correlation of the two. A trained network is measured beside the dead one. Batches are drawn
independently; float64.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from defib.datasets.standard import standardized_tumours
from defib.metrics.label_mix_loss import label_mix_binary_cross_entropy
from defib.networks.dense import dense_network
from defib.records.chart import Chart, Line, Lines
from defib.records.study import Claim, Published, StudyResult, Sureness, Table
from defib.studies.base import MOST_SEEDS, Study
from defib.studies.intervals import always, below, mean_interval, within
from defib.studies.pictures import curve
from defib.studies.stacks import generator_of
from defib.studies.tables import table

WIDTHS = (30, 16, 1)
DEAD_BIAS = -1e6
"""Of every hidden unit: far below what any example adds to it."""
ROUNDING = 1e-9
"""Of shares and deviations in float64."""
TRACE_STEPS = 60
"""Steps of the picture of losses."""


@final
@dataclass(frozen=True)
class Config:
    """`batches` for each output c and batch size; `steps` of Adam for the trained network."""

    seeds: int
    batches: int = 400
    outputs: tuple[float, ...] = (0.0, 0.25, 0.5, 1.0, 2.0)
    batch_sizes: tuple[int, ...] = (8, 32, 128)
    steps: int = 150


QUICK = Config(seeds=6)
FULL = Config(seeds=20, batches=2000, steps=1000)


def measure(config: Config, seed: int) -> Mapping[str, Table]:
    generator = generator_of(seed)
    torch.manual_seed(seed)
    inputs, targets = (each.double() for each in standardized_tumours())
    share = float(targets.mean())
    model = dense_network(WIDTHS, nn.ReLU).double()
    _train(model, inputs, targets, config, generator)
    rows, trace = [], []
    for size in config.batch_sizes:
        chosen = torch.randint(len(inputs), (config.batches, size), generator=generator)
        with torch.no_grad():
            trained = _fluctuation(model(inputs), targets, chosen)
        rows.append(("trained", 0.0, size, *trained, 0.0))
        for output in config.outputs:
            said = _dead_outputs(inputs, output)
            predicted = abs(output) * math.sqrt(share * (1 - share) / size)
            rows.append(("dead", output, size, *_fluctuation(said, targets, chosen), predicted))
            if seed % MOST_SEEDS == 0 and size == config.batch_sizes[1]:
                losses = _losses(said, targets, chosen)[:TRACE_STEPS]
                trace += [(output, step, loss) for step, loss in enumerate(losses.tolist())]
    tables = {
        "fluctuation": table(
            "network output batch_size",
            "deviation explained_share difference_from_mix predicted_deviation",
            rows,
        )
    }
    return tables | ({"trace": table("output step", "loss", trace)} if trace else {})


def _train(
    model: nn.Module, inputs: Tensor, targets: Tensor, config: Config, generator: torch.Generator
) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(config.steps):
        chosen = torch.randint(len(inputs), (32,), generator=generator)
        loss = F.binary_cross_entropy_with_logits(model(inputs[chosen]), targets[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def _dead_outputs(inputs: Tensor, output: float) -> Tensor:
    """What a network with dead ReLUs and this output bias says of every example."""
    model = dense_network(WIDTHS, nn.ReLU).double()
    first, last = (each for each in model if isinstance(each, nn.Linear))
    nn.init.constant_(first.bias, DEAD_BIAS)
    nn.init.constant_(last.bias, output)
    with torch.no_grad():
        return model(inputs)


def _losses(outputs: Tensor, targets: Tensor, chosen: Tensor) -> Tensor:
    every = F.binary_cross_entropy_with_logits(outputs, targets, reduction="none")[:, 0]
    return every[chosen].mean(dim=1)


def _fluctuation(outputs: Tensor, targets: Tensor, chosen: Tensor) -> tuple[float, float, float]:
    """Deviation of the loss over the batches, the share that the labels explain, what is left."""
    losses = _losses(outputs, targets, chosen)
    mix = torch.stack(
        [label_mix_binary_cross_entropy(outputs[each], targets[each]) for each in chosen]
    )
    deviation = float(losses.std())
    difference = float((losses - mix).abs().max())
    if deviation == 0:
        return 0.0, math.nan, difference
    return deviation, float(torch.corrcoef(torch.stack([losses, mix]))[0, 1] ** 2), difference


def claims(result: StudyResult) -> tuple[Claim, ...]:
    found = result.by_seed("fluctuation")
    dead = found.where(network="dead")
    uniform = dead.numbers("deviation", output=0.0)
    shares = [each for each in dead.numbers("explained_share") if not math.isnan(each)]
    left = dead.numbers("difference_from_mix")
    ratios = mean_interval(
        measured / predicted
        for measured, predicted in zip(
            dead.numbers("deviation"), dead.numbers("predicted_deviation"), strict=True
        )
        if predicted
    )
    trained = mean_interval(found.numbers("explained_share", network="trained"))
    return (
        Claim(
            "labels-explain-all",
            "Where the output is the same for every example, the label mix of the batches "
            "explains the whole fluctuation of the loss: loss and mix loss are the same.",
            always(
                [
                    *(abs(each - 1) < ROUNDING for each in shares),
                    *(each < ROUNDING for each in left),
                ]
            ),
            {"least_share": min(shares), "largest_difference": max(left)},
            Published(
                "batches differ in label distribution", "screenshot network, part 1", Sureness.READ
            ),
        ),
        Claim(
            "uniform-output-is-constant",
            "With an output of one half the loss does not fluctuate at all.",
            always(each < ROUNDING for each in uniform),
            {"largest_deviation": max(uniform)},
            Published(
                "with uniform output the loss is exactly constant",
                "screenshot network, part 1",
                Sureness.READ,
            ),
        ),
        Claim(
            "size-of-the-fluctuation",
            "The standard deviation is |c|·√(p(1 − p)/b), within 5 % on average.",
            within(ratios, 0.95, 1.05),
            ratios.as_numbers("measured_over_predicted"),
            Published("binomial number of positive labels", "see the protocol", Sureness.DERIVED),
        ),
        Claim(
            "not-so-when-trained",
            "In a trained network the label mix explains less than half of the fluctuation.",
            below(trained, 0.5),
            trained.as_numbers("explained_share"),
        ),
    )


def figures(result: StudyResult) -> tuple[Chart, ...]:
    found, trace = result.tables["fluctuation"].where(network="dead"), result.tables["trace"]
    sizes = [int(str(each)) for each in found.distinct("batch_size")]
    outputs = list(trace.distinct("output"))[::2]
    losses = tuple(
        Line(
            f"output {float(str(each)):g}",
            trace.numbers("step", output=each),
            trace.numbers("loss", output=each),
        )
        for each in outputs
    )
    deviations = [
        curve(found, f"batch of {size}", "output", "deviation", batch_size=size) for size in sizes
    ]
    theory = [
        Line(
            "|c|·√(p(1 − p)/b)" if size == sizes[0] else "_",
            found.numbers("output", batch_size=size),
            found.numbers("predicted_deviation", batch_size=size),
            is_theory=True,
        )
        for size in sizes
    ]
    return (
        Chart(
            "fluctuation",
            "The loss of networks that have learnt nothing",
            "Left: loss by step, batches of 32; only with output 0 it stands still. Right: its "
            "standard deviation grows with the output and falls with the batch size, as the "
            "number of positive labels in a batch demands.",
            (
                Lines("step", "loss [nats]", losses),
                Lines("constant output c", "deviation of the loss", (*deviations, *theory)),
            ),
            columns=2,
            height=300,
        ),
    )


STUDY = Study(("A1",), QUICK, FULL, measure, claims, figures)
