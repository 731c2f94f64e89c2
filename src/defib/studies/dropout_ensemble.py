"""Is a network with scaled weights the average of the 2^H subnetworks that dropout trains?

A network 30-10-2 with dropout 0.5 on its hidden units learns tumours by Adam. Then every one of its
2^10 subnetworks is evaluated on held-out tumours, and averaged exactly, beside the whole network
with its outgoing weights halved; the same for a network 30-6-6-2, which has 2^12 subnetworks.

Also: what dropout does to the accuracy that is seen while training. A network 64-64-10 with dropout
0.5 learns handwritten digits; its accuracy on the training digits is measured with dropout on, as a
training loop does, and with dropout off, beside that on held-out digits.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from defib.datasets.standard import (
    standardized_digits,
    standardized_digits_held_out,
    standardized_tumours,
    standardized_tumours_held_out,
)
from defib.records.chart import Bars, BarSeries, Chart
from defib.records.study import Claim, Published, StudyResult, Sureness, Table
from defib.studies.base import Study
from defib.studies.intervals import (
    above,
    always,
    below,
    difference_interval,
    mean_interval,
    together,
)
from defib.studies.pictures import bars, bars_in_order
from defib.studies.stacks import generator_of
from defib.studies.tables import table

KEEP = 0.5
ROUNDING = 1e-10
"""Of sums over thousands of subnetworks in float64."""
HIDDEN = {"one hidden layer": (10,), "two hidden layers": (6, 6)}
DIGIT_WIDTHS = (64, 64, 10)
PAPER = "Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, Dropout (2014)"


@final
@dataclass(frozen=True)
class Config:
    """`steps` of Adam on tumours, `digit_steps` on digits."""

    seeds: int
    steps: int = 300
    digit_steps: int = 400


QUICK = Config(seeds=5)
FULL = Config(seeds=20, steps=2000, digit_steps=2000)


@final
@dataclass(frozen=True, eq=False)
class Layers:
    """Weights and biases in float64; ReLU and dropout behind every layer but the last."""

    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]

    def scores(self, inputs: Tensor, masks: tuple[Tensor, ...]) -> Tensor:
        """The outputs, each hidden layer's units multiplied by its mask."""
        signal = inputs
        for weight, bias, mask in zip(self.weights, self.biases, masks, strict=False):
            signal = torch.relu(signal @ weight + bias) * mask
        return signal @ self.weights[-1] + self.biases[-1]


def measure(config: Config, seed: int) -> Mapping[str, Table]:
    errors, quality = [], []
    for name, hidden in HIDDEN.items():
        layers = _trained(hidden, config, seed)
        inputs, targets = standardized_tumours_held_out()
        labels = targets[:, 0].long()
        members = _members(layers, inputs.double(), hidden)
        whole = layers.scores(inputs.double(), tuple(torch.full((n,), KEEP) for n in hidden))
        means = _means(members)
        truth = torch.softmax(whole, dim=1)
        spread = members.std(dim=0).mean()
        errors.append(
            (
                name,
                len(members),
                float((members.mean(dim=0) - whole).abs().max()),
                float((members.mean(dim=0) - whole).abs().mean() / spread),
                float((means["geometric"] - truth).abs().max()),
                float((means["arithmetic"] - truth).abs().max()),
                _difference_of_inverted(layers, inputs.double(), hidden, seed),
            )
        )
        single = F.cross_entropy(
            members.flatten(0, 1), labels.repeat(len(members)), reduction="mean"
        )
        quality += [
            (name, "a subnetwork", float(single)),
            (name, "mean of probabilities", _loss(means["arithmetic"], labels)),
            (name, "geometric mean", _loss(means["geometric"], labels)),
            (name, "scaled network", _loss(truth, labels)),
        ]
    values = "members scores_difference scores_difference_in_spreads geometric arithmetic inverted"
    return {
        "errors": table("network", values, errors),
        "quality": table("network prediction", "held_out_loss", quality),
        "digits": _digits(config, seed),
    }


def _trained(hidden: tuple[int, ...], config: Config, seed: int) -> Layers:
    """Trained with dropout as first published: masks of 0 and 1 in training."""
    generator = generator_of(seed)
    inputs, targets = standardized_tumours()
    labels = targets[:, 0].long()
    widths = (inputs.shape[1], *hidden, 2)
    layers = Layers(
        tuple(
            (torch.randn(a, b, generator=generator).double() * (2 / a) ** 0.5).requires_grad_()
            for a, b in itertools.pairwise(widths)
        ),
        tuple(torch.zeros(b, dtype=torch.float64, requires_grad=True) for b in widths[1:]),
    )
    optimizer = torch.optim.Adam([*layers.weights, *layers.biases], lr=0.01)
    for _ in range(config.steps):
        chosen = torch.randint(len(inputs), (32,), generator=generator)
        masks = tuple(
            (torch.rand(32, units, generator=generator) < KEEP).double() for units in hidden
        )
        loss = F.cross_entropy(layers.scores(inputs[chosen].double(), masks), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return Layers(
        tuple(each.detach() for each in layers.weights),
        tuple(each.detach() for each in layers.biases),
    )


def _members(layers: Layers, inputs: Tensor, hidden: tuple[int, ...]) -> Tensor:
    """The scores of every subnetwork, [2^H, examples, 2]."""
    choices = torch.tensor(
        list(itertools.product((0.0, 1.0), repeat=sum(hidden))), dtype=torch.float64
    )
    masks = tuple(each[:, None, :] for each in choices.split(hidden, dim=1))
    return layers.scores(inputs, masks)


def _means(members: Tensor) -> dict[str, Tensor]:
    """Mean of the members' probabilities, and their geometric mean, normalised."""
    logarithms = torch.log_softmax(members, dim=2)
    return {
        "arithmetic": logarithms.exp().mean(dim=0),
        "geometric": torch.softmax(logarithms.mean(dim=0), dim=1),
    }


def _difference_of_inverted(
    layers: Layers, inputs: Tensor, hidden: tuple[int, ...], seed: int
) -> float:
    """Dropout as published against inverted dropout of outgoing weights that are halved."""
    generator = generator_of(seed)
    masks = tuple((torch.rand(units, generator=generator) < KEEP).double() for units in hidden)
    halved = Layers(
        (layers.weights[0], *(KEEP * each for each in layers.weights[1:])), layers.biases
    )
    inverted = halved.scores(inputs, tuple(mask / KEEP for mask in masks))
    ones = tuple(torch.ones(units) for units in hidden)
    scaled = layers.scores(inputs, tuple(KEEP * each for each in ones))
    in_training = (layers.scores(inputs, masks) - inverted).abs().max()
    in_use = (scaled - halved.scores(inputs, ones)).abs().max()
    return float(torch.maximum(in_training, in_use))


def _loss(probabilities: Tensor, labels: Tensor) -> float:
    return float(F.nll_loss(probabilities.log(), labels))


def _digits(config: Config, seed: int) -> Table:
    torch.manual_seed(seed)
    generator = generator_of(seed)
    inputs, targets = standardized_digits()
    held_out, held_out_targets = standardized_digits_held_out()
    units = DIGIT_WIDTHS[1]
    model = nn.Sequential(
        nn.Linear(DIGIT_WIDTHS[0], units),
        nn.ReLU(),
        nn.Dropout(1 - KEEP),
        nn.Linear(units, DIGIT_WIDTHS[2]),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(config.digit_steps):
        chosen = torch.randint(len(inputs), (64,), generator=generator)
        optimizer.zero_grad()
        F.cross_entropy(model(inputs[chosen]), targets[chosen]).backward()
        optimizer.step()
    with torch.no_grad():
        on = _accuracy(model(inputs), targets)
        model.eval()
        off = _accuracy(model(inputs), targets)
        held = _accuracy(model(held_out), held_out_targets)
    rows = [("training, dropout on", on), ("training, dropout off", off), ("held out", held)]
    return table("measured_on", "accuracy", rows)


def _accuracy(scores: Tensor, targets: Tensor) -> float:
    return float((scores.argmax(dim=1) == targets).float().mean())


def claims(result: StudyResult) -> tuple[Claim, ...]:
    errors, quality = result.by_seed("errors"), result.by_seed("quality")
    one, two = tuple(HIDDEN)
    scores = errors.numbers("scores_difference", network=one)
    geometric = errors.numbers("geometric", network=one)
    arithmetic = mean_interval(errors.numbers("arithmetic", network=one))
    deep = mean_interval(errors.numbers("scores_difference_in_spreads", network=two))
    inverted = errors.numbers("inverted")
    gain = difference_interval(
        quality.numbers("held_out_loss", prediction="a subnetwork"),
        quality.numbers("held_out_loss", prediction="scaled network"),
    )
    digits = result.by_seed("digits")
    on, off, held = (
        digits.numbers("accuracy", measured_on=name)
        for name in ("training, dropout on", "training, dropout off", "held out")
    )
    above_training = difference_interval(held, on)
    below_training = difference_interval(off, held)
    return (
        Claim(
            "scaled-is-the-average",
            "With one hidden layer the scaled network is the average of all 1,024 subnetworks: "
            "the mean of their scores, and the normalised geometric mean of their probabilities, "
            "to rounding.",
            always(each < ROUNDING for each in [*scores, *geometric]),
            {"largest_score_difference": max(scores), "largest_probability": max(geometric)},
            Published(
                "dropout averages 2^H subnetworks",
                f"tutorial, question on dropout; {PAPER}",
                Sureness.READ,
            ),
        ),
        Claim(
            "not-the-plain-mean",
            "The plain mean of the subnetworks' probabilities is another one: it differs from the "
            "scaled network's by more than 0.01 somewhere.",
            above(arithmetic, 0.01),
            arithmetic.as_numbers("largest_difference"),
        ),
        Claim(
            "approximate-when-deep",
            "With two hidden layers the scaled network is only near the average of the 4,096: the "
            "scores differ, by less than a fifth of the spread among the subnetworks.",
            together(above(deep, ROUNDING), below(deep, 0.2)),
            deep.as_numbers("difference_in_spreads"),
        ),
        Claim(
            "better-than-a-member",
            "The scaled network predicts held-out tumours better than its subnetworks do on "
            "average.",
            above(gain, 0.0),
            gain.as_numbers("loss_lower_by"),
        ),
        Claim(
            "inverted-is-the-same",
            "Inverted dropout with halved outgoing weights gives the same outputs, in training "
            "and in use, to rounding.",
            always(each < ROUNDING for each in inverted),
            {"largest_difference": max(inverted)},
        ),
        Claim(
            "held-out-above-training",
            "With dropout the accuracy on held-out digits exceeds that seen while training; on "
            "the same training digits with dropout off it does not.",
            together(above(above_training, 0.0), above(below_training, 0.0)),
            above_training.as_numbers("held_out_minus_training")
            | below_training.as_numbers("training_without_dropout_minus_held_out"),
        ),
    )


def figures(result: StudyResult) -> tuple[Chart, ...]:
    quality, digits = result.tables["quality"], result.tables["digits"]
    predictions = tuple(str(each) for each in quality.distinct("prediction"))
    series: tuple[BarSeries, ...] = tuple(
        bars(quality, name, "held_out_loss", network=name) for name in HIDDEN
    )
    where = [str(each) for each in digits.distinct("measured_on")]
    accuracy = bars_in_order(digits, "accuracy", "accuracy", "measured_on", where)
    return (
        Chart(
            "ensemble",
            "A subnetwork, their averages, and the scaled network",
            "Loss on held-out tumours. With one hidden layer the scaled network and the geometric "
            "mean are the same.",
            (Bars(predictions, series, "held-out loss [nats]"),),
        ),
        Chart(
            "accuracy",
            "Accuracy with dropout: on training digits and on held-out ones",
            "; ".join(f"{n} {v:.1%}" for n, v in zip(where, accuracy.values, strict=True)) + ".",
            (Bars(tuple(where), (accuracy,), "accuracy", limits=(0, 1.05)),),
            height=260,
        ),
    )


STUDY = Study(("D6", "B7"), QUICK, FULL, measure, claims, figures)
