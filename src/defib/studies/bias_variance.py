"""What do weight regularisation, wider layers, dropout and more data do to bias and variance?

Networks 1-H-1 with tanh learn sin 3x on [−1, 1] from 20 points with noise of deviation 0.3, by Adam
on all points at once. Each is trained on very many data sets drawn anew. The variance is that of
the prediction over the data sets, the squared bias that of the mean prediction from the truth,
corrected for the number of data sets; both are means over x.

The base has 2 hidden units. Against it stand an L2 penalty, 16 hidden units, and 80 points; dropout
(0.2) is compared with the same 16 units without it, as 2 units leave nothing to drop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
import torch

from defib.ensemble.data import Data
from defib.ensemble.evaluation import outputs
from defib.ensemble.result import initial_ensemble
from defib.ensemble.specification import (
    Initialization,
    Network,
    OptimizerSpecification,
    Training,
)
from defib.ensemble.training import train_ensemble
from defib.records.chart import Bars, Chart, Line, Lines
from defib.records.study import Claim, Published, StudyResult, Sureness, Table, Verdict
from defib.studies.base import MOST_SEEDS, Study
from defib.studies.intervals import (
    Interval,
    above,
    below,
    difference_interval,
    together,
    within,
)
from defib.studies.pictures import bars
from defib.studies.stacks import Stack, generator_of, step
from defib.studies.tables import table
from defib.studies.threads import allowed_threads

NOISE = 0.3
LEARNING_RATE = 0.02
L2 = 1e-2
DROPOUT = 0.2
UNCHANGED = 0.005
"""Squared bias that counts as none: under a hundredth of the variance of sin 3x, which is 0.55."""
PLACES = np.linspace(-1, 1, 101)
SHEET = "tutorial, question on bias and variance"


@final
@dataclass(frozen=True)
class Kind:
    """A network and its data; `base` is what it is compared with."""

    base: str
    width: int = 2
    points: int = 20
    l2: float = 0.0
    dropout: float = 0.0


KINDS = {
    "base": Kind(""),
    "L2 penalty": Kind("base", l2=L2),
    "wider layer": Kind("base", width=16),
    "more data": Kind("base", points=80),
    "dropout": Kind("wider layer", width=16, dropout=DROPOUT),
}


@final
@dataclass(frozen=True)
class Config:
    """`resamples` data sets for each kind and seed."""

    seeds: int
    resamples: int = 100
    steps: int = 800


QUICK = Config(seeds=5, resamples=80)
FULL = Config(seeds=20, resamples=200, steps=1500)


def truth(x: np.ndarray) -> np.ndarray:
    """sin 3x."""
    return np.sin(3 * x)


def measure(config: Config, seed: int) -> Mapping[str, Table]:
    rows, curves = [], []
    for name, kind in KINDS.items():
        generator = np.random.default_rng(seed)
        inputs = generator.uniform(-1, 1, (config.resamples, kind.points, 1)).astype(np.float32)
        noise = NOISE * generator.standard_normal(inputs.shape)
        targets = (truth(inputs) + noise).astype(np.float32)
        train = _with_dropout if kind.dropout else _plain
        predictions = train(kind, inputs, targets, config, seed).astype(np.float64)
        variance = predictions.var(axis=0, ddof=1)
        mean = predictions.mean(axis=0)
        bias = (mean - truth(PLACES)) ** 2 - variance / config.resamples
        rows.append((name, bias.mean(), variance.mean(), bias.mean() + variance.mean()))
        if seed % MOST_SEEDS == 0:
            curves += [
                (name, x, m, m - d, m + d)
                for x, m, d in zip(PLACES, mean, np.sqrt(variance), strict=True)
            ]
    tables = {"error": table("kind", "squared_bias variance sum", rows)}
    shown = {"predictions": table("kind x", "mean below above", curves)} if curves else {}
    return tables | shown


def _training(kind: Kind, config: Config) -> Training:
    return Training(
        Network((1, kind.width, 1), ("tanh", "identity")),
        Initialization("torch"),
        optimizer=OptimizerSpecification("adam", LEARNING_RATE),
        batch_size=kind.points,
        epochs=config.steps,
        l2=kind.l2,
    )


def _plain(
    kind: Kind, inputs: np.ndarray, targets: np.ndarray, config: Config, seed: int
) -> np.ndarray:
    """The predictions of every network at `PLACES`."""
    done = train_ensemble(
        _training(kind, config),
        Data(inputs, targets),
        networks=len(inputs),
        seed=seed,
        threads=allowed_threads(),
    )
    return outputs(done.ensemble, PLACES[:, None])[..., 0]


def _with_dropout(
    kind: Kind, inputs: np.ndarray, targets: np.ndarray, config: Config, seed: int
) -> np.ndarray:
    """The same from the same weights, with inverted dropout on the hidden units."""
    start = initial_ensemble(_training(kind, config), len(inputs), seed=seed)
    stack = Stack(
        tuple(_parameter(each.transpose(0, 2, 1)) for each in start.weights),
        tuple(_parameter(each[:, None, :]) for each in start.biases),
        (torch.tanh, lambda x: x),
    )
    generator, keep = generator_of(seed), 1 - kind.dropout
    optimizer = torch.optim.Adam(stack.parameters, lr=LEARNING_RATE)
    x, y = torch.from_numpy(inputs), torch.from_numpy(targets)
    for _ in range(config.steps):
        hidden = torch.tanh(x @ stack.weights[0] + stack.biases[0])
        mask = (torch.rand(hidden.shape, generator=generator) < keep) / keep
        predicted = (hidden * mask) @ stack.weights[1] + stack.biases[1]
        step(optimizer, ((predicted - y) ** 2).mean(dim=(1, 2)))
    with torch.no_grad():
        return stack(torch.from_numpy(PLACES[:, None].astype(np.float32)))[..., 0].numpy()


def _parameter(values: np.ndarray) -> torch.Tensor:
    return torch.tensor(np.ascontiguousarray(values), dtype=torch.float32).requires_grad_()


def claims(result: StudyResult) -> tuple[Claim, ...]:
    return (
        _claim(result, "L2 penalty", "up", "down", "An L2 penalty on the weights"),
        _claim(result, "wider layer", "down", "up", "A wider layer"),
        _claim(result, "dropout", "up", "down", "Dropout"),
        _claim(result, "more data", "same", "down", "More data"),
    )


WORDS = {"up": "raises", "down": "lowers", "same": f"leaves (within {UNCHANGED:g})"}


def _claim(result: StudyResult, kind: str, bias: str, variance: str, subject: str) -> Claim:
    changes = {column: _change(result, kind, column) for column in ("squared_bias", "variance")}
    verb = WORDS[bias]
    return Claim(
        kind.lower().replace(" ", "-"),
        f"{subject} {verb} the bias{' as it is' if bias == 'same' else ''} and "
        f"{WORDS[variance]} the variance.",
        together(
            _sign(changes["squared_bias"], bias),
            _sign(changes["variance"], variance),
        ),
        changes["squared_bias"].as_numbers("squared_bias_change")
        | changes["variance"].as_numbers("variance_change"),
        Published(f"bias {bias}, variance {variance}", SHEET, Sureness.READ),
    )


def _change(result: StudyResult, kind: str, column: str) -> Interval:
    error = result.by_seed("error")
    base = KINDS[kind].base
    return difference_interval(error.numbers(column, kind=kind), error.numbers(column, kind=base))


def _sign(change: Interval, expected: str) -> Verdict:
    if expected == "same":
        return within(change, -UNCHANGED, UNCHANGED)
    return above(change, 0.0) if expected == "up" else below(change, 0.0)


def figures(result: StudyResult) -> tuple[Chart, ...]:
    error, predictions = result.tables["error"], result.by_seed("predictions")
    names = tuple(KINDS)
    panels = tuple(
        Lines(
            "x",
            "prediction",
            (
                Line(
                    "mean and deviation over the data sets",
                    predictions.numbers("x", kind=name),
                    predictions.numbers("mean", kind=name),
                    predictions.numbers("below", kind=name),
                    predictions.numbers("above", kind=name),
                ),
                Line("sin 3x", tuple(PLACES), tuple(truth(PLACES)), is_theory=True),
            ),
            name,
            limits=(-1.6, 1.6),
        )
        for name in names
    )
    return (
        Chart(
            "error",
            "Squared bias and variance",
            "; ".join(
                f"{name}: {b:.4f} and {v:.4f}"
                for name, b, v in zip(
                    names, error.numbers("squared_bias"), error.numbers("variance"), strict=True
                )
            )
            + ". Dropout is to be compared with the wider layer, the others with the base.",
            (
                Bars(
                    names,
                    (
                        bars(error, "squared bias", "squared_bias"),
                        bars(error, "variance", "variance"),
                    ),
                    "mean over x",
                ),
            ),
        ),
        Chart(
            "predictions",
            "Predictions over the data sets",
            "The band is one standard deviation of the prediction over the data sets; what lies "
            "between its middle and the dotted truth is the bias.",
            panels,
            columns=3,
            height=210,
            shares_y=True,
        ),
    )


STUDY = Study(("D8",), QUICK, FULL, measure, claims, figures)
