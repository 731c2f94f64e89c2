"""Why does the noise of mini-batches help at a saddle point?

The loss f(x, y) = x² − y² is the mean of n = 1024 examples' losses x² − y² + a·y; the slopes a are
normal and sum to zero. Training starts on the ridge, at (1, 0), where the mean gradient points at
the saddle. Gradient descent on all examples is compared with batches drawn independently, with
replacement. A trajectory has escaped when |y| reaches 1.

Theory, for steps of size η: on the ridge y grows by the factor 1 + 2η per step, from the noise
η·s/√b of a batch of b examples, so that escaping takes ln(1/noise)/ln(1 + 2η) steps up to a
constant: halving the noise costs ln 2/ln(1 + 2η) steps more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from defib.records.chart import Chart, Line, Lines
from defib.records.study import Claim, Published, StudyResult, Sureness, Table
from defib.studies.base import Study
from defib.studies.intervals import always, mean_interval, within
from defib.studies.tables import table

EXAMPLES = 1024
LEARNING_RATE = 0.05
START = 1.0
ESCAPED = 1.0
FAR = 10.0
"""Where a trajectory that has escaped is held, short of overflowing."""
GROWTH = 1 + 2 * LEARNING_RATE
"""Factor of y per step, without noise."""


@final
@dataclass(frozen=True)
class Config:
    """`trajectories` for each batch size and seed; `batch_sizes` divide the 1024 examples."""

    seeds: int
    trajectories: int
    batch_sizes: tuple[int, ...] = (1, 4, 16, 64, 256)
    steps: int = 200


QUICK = Config(seeds=5, trajectories=200)
FULL = Config(seeds=20, trajectories=1000)


def measure(config: Config, seed: int) -> Mapping[str, Table]:
    generator = np.random.default_rng(seed)
    slopes = _slopes(generator)
    escapes, paths = [], []
    for batch_size in (EXAMPLES, *config.batch_sizes):
        noise = slopes.std() / math.sqrt(batch_size) if batch_size < EXAMPLES else 0.0
        x, y = _descend(slopes, batch_size, config, generator)
        has_escaped = np.abs(y).max(axis=0) >= ESCAPED
        steps = np.where(has_escaped, (np.abs(y) >= ESCAPED).argmax(axis=0), np.inf)
        distance = float(np.abs(y[-1]).max())
        escapes.append((batch_size, noise, has_escaped.mean(), np.median(steps), distance, x[-1]))
        median = np.median(np.abs(y), axis=1)
        paths += [(batch_size, step, median[step]) for step in range(0, config.steps + 1, 5)]
    values = "noise escaped_share steps_to_escape distance_at_end x_at_end"
    return {
        "escape": table("batch_size", values, escapes),
        "path": table("batch_size step", "median_distance", paths),
    }


def _slopes(generator: np.random.Generator) -> np.ndarray:
    """The slopes a, whose sum is exactly 0 in any order: whole multiples of 2^-20."""
    whole = np.round(generator.normal(size=EXAMPLES) * 2**20)
    whole -= np.round(whole.mean())
    whole[-1] -= whole.sum()
    return whole / 2**20


def _descend(
    slopes: np.ndarray, batch_size: int, config: Config, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """x by step, and y by step and trajectory. y stops where it can no longer come back."""
    x = START * (1 - 2 * LEARNING_RATE) ** np.arange(config.steps + 1)
    y = np.zeros((config.steps + 1, config.trajectories))
    for step in range(config.steps):
        batch: np.ndarray | float = 0.0
        if batch_size < EXAMPLES:
            drawn = generator.integers(EXAMPLES, size=(config.trajectories, batch_size))
            batch = slopes[drawn].mean(axis=1)
        y[step + 1] = np.clip(GROWTH * y[step] - LEARNING_RATE * batch, -FAR, FAR)
    return x, y


def claims(result: StudyResult) -> tuple[Claim, ...]:
    by_seed = result.by_seed("escape")
    full = by_seed.where(batch_size=EXAMPLES)
    noisy = [row for row in by_seed.rows if row[1] != EXAMPLES]
    shares = [float(row[3] or 0) for row in noisy]
    slope = mean_interval(_slope(by_seed.where(seed=seed)) for seed in by_seed.distinct("seed"))
    predicted = 1 / math.log(GROWTH)
    distance = max(full.numbers("distance_at_end"))
    left_over = max(2 * abs(each) for each in full.numbers("x_at_end"))
    return (
        Claim(
            "descent-stays",
            "Gradient descent on all examples stays on the ridge: after all steps y is exactly 0, "
            "and its gradient (below 1e-6) is so small that it looks converged.",
            always([distance == 0, left_over < 1e-6]),
            {"largest_y": distance, "gradient_norm_at_end": left_over},
            Published(
                "on the ridge gradient descent stays, SGD leaves",
                "tutorial, question on saddle points",
                Sureness.READ,
            ),
        ),
        Claim(
            "noise-escapes",
            "With mini-batches of any size every trajectory leaves the saddle.",
            always(share == 1 for share in shares),
            {"least_share_escaped": min(shares)},
        ),
        Claim(
            "steps-against-noise",
            "Escaping takes ln(1/noise)/ln(1 + 2η) steps up to a constant: the slope of the "
            "median number of steps against ln(1/noise) is within 10 % of 1/ln(1 + 2η).",
            within(slope, 0.9 * predicted, 1.1 * predicted),
            slope.as_numbers("slope") | {"predicted": predicted},
            Published(
                "y grows by 1 + 2η per step, started by the noise of the first steps",
                "linear recurrence, see the protocol",
                Sureness.DERIVED,
                {"slope": predicted},
            ),
        ),
    )


def _slope(escape: Table) -> float:
    """Steps per unit of ln(1/noise), by least squares over the batch sizes."""
    rows = [row for row in escape.rows if row[1] != EXAMPLES]
    noise = [-math.log(float(row[2] or 0)) for row in rows]
    return float(np.polyfit(noise, [float(row[4] or 0) for row in rows], 1)[0])


def figures(result: StudyResult) -> tuple[Chart, ...]:
    escape, path = result.tables["escape"], result.tables["path"]
    sizes = [size for size in escape.distinct("batch_size") if size != EXAMPLES]
    lines = tuple(
        Line(
            f"batch of {size}",
            path.numbers("step", batch_size=size),
            tuple(value or math.nan for value in path.numbers("median_distance", batch_size=size)),
        )
        for size in sizes
    )
    noise = [escape.numbers("noise", batch_size=size)[0] for size in sizes]
    steps = [escape.numbers("steps_to_escape", batch_size=size)[0] for size in sizes]
    last = -math.log(noise[-1])
    theory = [steps[-1] + (-math.log(n) - last) / math.log(GROWTH) for n in noise]
    return (
        Chart(
            "escape",
            "Leaving the saddle",
            "Left: median distance from the ridge, which grows by the same factor per step after "
            "the first noise; all examples together stay at 0, below the picture. Right: steps "
            f"until it is 1: {steps[0]:.0f} with batches of {sizes[0]}, {steps[-1]:.0f} with "
            f"batches of {sizes[-1]}.",
            (
                Lines("step", "distance from the ridge |y|", lines, is_log_y=True),
                Lines(
                    "noise of the batch gradient",
                    "steps to escape",
                    (
                        Line("measured", tuple(noise), tuple(steps), is_dots=True),
                        Line(
                            "ln(1/noise)/ln(1 + 2η) + constant",
                            tuple(noise),
                            tuple(theory),
                            is_theory=True,
                        ),
                    ),
                    is_log_x=True,
                ),
            ),
            columns=2,
            height=280,
        ),
    )


STUDY = Study(("D3",), QUICK, FULL, measure, claims, figures)
