"""Between which learning rates does MiniGoogLeNet learn FashionMNIST?

Ten learning rates between 1e-9 and 10, equally far apart in decades, are tried, each for a few
epochs of batches of 64 from the same weights and in the same order (gradient descent with momentum
0.9). lr_min is the smallest with which the loss falls clearly: by a tenth of the largest fall.
lr_max is the one with the lowest loss: beyond it the loss rises again. Beside it stands what
defib's range test says, a single training whose learning rate grows from step to step.

The published curve is that of such a range test, on 32 x 32 images with shifts and flips; here are
28 x 28 images as they are (at full size), or a narrower network on 14 x 14 images (quick).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
from torch.nn import functional

from defib.records.chart import Chart, Line, Lines, Mark
from defib.records.learning_rate_range import CandidateRange, LearningRateRange
from defib.records.learning_rate_range import Mark as RateMark
from defib.records.study import Claim, Published, StudyResult, Sureness, Table
from defib.studies.base import Study
from defib.studies.fashion import (
    BATCH_SIZE,
    DATASET,
    PUBLISHED,
    SMALL,
    Scale,
    descent,
    garments,
    seeded_network,
)
from defib.studies.intervals import always, below, mean_interval, within
from defib.studies.tables import table
from defib.training.lr_candidates import LEARNT_SHARE, measure_candidates
from defib.training.lr_range_test import RangeTraining, measure_range
from defib.training.range_options import RangeOptions

FAR_TOO_LOW = 1e-6
"""And below: where the published curve is flat."""
PUBLISHED_HIGHEST = 1e-2
SOURCE = "PyImageSearch, Keras learning rate finder (2019)"


@final
@dataclass(frozen=True)
class Config:
    """`candidates` learning rates from `lowest` to `highest`, each for `epochs`.

    The range test sweeps from `sweep_start` to `highest` in `sweep_steps` steps.
    """

    seeds: int
    scale: Scale
    epochs: int
    sweep_steps: int
    sweep_start: float = 1e-6
    candidates: int = 10
    lowest: float = 1e-9
    highest: float = 10.0


QUICK = Config(seeds=3, scale=SMALL, epochs=2, sweep_steps=200, sweep_start=1e-4)
FULL = Config(seeds=3, scale=PUBLISHED, epochs=5, sweep_steps=700)


def measure(config: Config, seed: int) -> Mapping[str, Table]:
    training = _training(config, seed)
    rates = np.geomspace(config.lowest, config.highest, config.candidates)
    found = measure_candidates(training, [float(each) for each in rates], epochs=config.epochs)
    options = RangeOptions(config.sweep_start, config.highest, config.sweep_steps)
    swept = measure_range(training, options)
    return {
        "candidates": table("learning_rate", "loss fall_share", _candidate_rows(found)),
        "range": table(
            "",
            "lr_min lr_max highest_that_learns conservative steepest largest_stable verdict",
            [(found.lowest, found.best, found.highest, *_marks(swept), swept.verdict.value)],
        ),
        "sweep": table("learning_rate", "loss", _sweep_rows(swept)),
    }


def _training(config: Config, seed: int) -> RangeTraining:
    network = seeded_network(config.scale, seed)
    return RangeTraining(
        network,
        descent(network, config.lowest),
        lambda batch: functional.cross_entropy(network(batch[0]), batch[1]),
        garments(config.scale, seed).batches(BATCH_SIZE),
    )


def _candidate_rows(found: CandidateRange) -> list[tuple[float, float, float]]:
    """Rate, loss of the last epoch, and its fall over the largest one; `nan` if none falls."""
    largest = found.first_loss - min(each.loss for each in found.candidates)
    unit = largest if largest > 0 else math.nan
    return [
        (each.learning_rate, each.loss, (found.first_loss - each.loss) / unit)
        for each in found.candidates
    ]


def _marks(swept: LearningRateRange) -> tuple[float | None, ...]:
    marks: tuple[RateMark | None, ...] = (swept.conservative, swept.steepest, swept.largest_stable)
    return tuple(None if mark is None else mark.value for mark in marks)


def _sweep_rows(swept: LearningRateRange) -> list[tuple[float, float]]:
    """The smooth curve: levels at the learning rates before the divergence."""
    return list(zip(swept.sweep.learning_rates, swept.smooth, strict=False))


def claims(result: StudyResult) -> tuple[Claim, ...]:
    candidates, found = result.by_seed("candidates"), result.by_seed("range")
    seeds = found.distinct("seed")
    low = mean_interval(_largest_low_fall(candidates.where(seed=seed)) for seed in seeds)
    highest = max(candidates.numbers("learning_rate"))
    at_highest = candidates.numbers("fall_share", learning_rate=highest)
    best = mean_interval(math.log10(each) for each in found.numbers("lr_max"))
    span = mean_interval(
        math.log10(b / a)
        for a, b in zip(found.numbers("lr_min"), found.numbers("lr_max"), strict=True)
    )
    return (
        Claim(
            "too-low-does-nothing",
            f"With learning rates of {FAR_TOO_LOW:g} and less the loss does not fall clearly.",
            below(low, LEARNT_SHARE),
            low.as_numbers("largest_share_of_fall"),
            Published("flat from 1e-10 to 1e-6", SOURCE, Sureness.READ, {"flat_to": 1e-6}),
        ),
        Claim(
            "too-high-explodes",
            f"With {highest:g} the loss ends above where it began.",
            always(share < 0 for share in at_highest),
            {"largest_share_of_fall": max(at_highest)},
            Published("the loss explodes at 1e1", SOURCE, Sureness.READ),
        ),
        Claim(
            "lr-max",
            "lr_max lies within a decade of the published 1e-2.",
            within(best, math.log10(PUBLISHED_HIGHEST) - 1, math.log10(PUBLISHED_HIGHEST) + 1),
            best.as_numbers("log10_lr_max") | {"decades_above_lr_min": span.estimate},
            Published(
                "base 1e-5, maximum 1e-2, chosen by eye",
                SOURCE,
                Sureness.READ,
                {"lr_min": 1e-5, "lr_max": PUBLISHED_HIGHEST},
            ),
        ),
        _agreement(found, candidates),
    )


def _largest_low_fall(candidates: Table) -> float:
    rates, shares = candidates.numbers("learning_rate"), candidates.numbers("fall_share")
    return max(share for rate, share in zip(rates, shares, strict=True) if rate <= FAR_TOO_LOW)


def _agreement(found: Table, candidates: Table) -> Claim:
    """Whether the range test's interval holds the best candidate, as finely as they are spaced."""
    first, second, *_ = candidates.distinct("learning_rate")
    spacing = math.log10(float(second or 0) / float(first or 1))
    columns = (found.numbers(name) for name in ("lr_max", "conservative", "largest_stable"))
    distances = [_decades_outside(*row) for row in zip(*columns, strict=True)]
    known = [each for each in distances if not math.isnan(each)]
    distance = mean_interval(known)
    return Claim(
        "range-test-agrees",
        "The best candidate lies in the interval of defib's range test, or less than the distance "
        "between two candidates beside it.",
        below(distance, spacing),
        distance.as_numbers("decades_outside")
        | {"decades_between_candidates": spacing, "tests_with_a_number": len(known)},
    )


def _decades_outside(rate: float, low: float, high: float) -> float:
    """`nan` where the range test gave no lower end; without an upper end all above is inside."""
    above_high = 0.0 if math.isnan(high) else math.log10(rate / high)
    return max(math.log10(low / rate), above_high, 0.0) if low > 0 else math.nan


def figures(result: StudyResult) -> tuple[Chart, ...]:
    candidates, sweep = result.tables["candidates"], result.by_seed("sweep")
    found = result.tables["range"]
    rates, losses = candidates.numbers("learning_rate"), candidates.numbers("loss")
    low, best = (_middle(result.by_seed("range"), name) for name in ("lr_min", "lr_max"))
    limit = 1.5 * losses[0]
    finite = [(rate, loss) for rate, loss in zip(rates, losses, strict=True) if loss < limit]
    tried = Line("last epoch", tuple(rate for rate, _ in finite), tuple(loss for _, loss in finite))
    curves = tuple(
        Line(
            f"seed {seed}",
            sweep.numbers("learning_rate", seed=seed),
            sweep.numbers("loss", seed=seed),
        )
        for seed in sweep.distinct("seed")
    )
    stable = found.numbers("largest_stable")[0]
    return (
        Chart(
            "range",
            "Loss against learning rate",
            "Left: mean training loss in the last epoch of each candidate (means over the seeds); "
            f"those above {limit:.2g} lie beyond the picture. lr_min is {low:.2g} and lr_max "
            f"{best:.2g}. Right: defib's range test, the smoothed loss of one training with a "
            f"growing learning rate for each seed; the largest stable one is {stable:.2g}, a mean.",
            (
                Lines(
                    "learning rate of the candidate",
                    "training loss",
                    (tried,),
                    is_log_x=True,
                    marks=(Mark("lr_min", low, "x"), Mark("lr_max", best, "x")),
                    limits=(0.0, limit),
                ),
                Lines(
                    "learning rate in the range test",
                    "training loss",
                    curves,
                    is_log_x=True,
                    limits=(0.0, limit),
                ),
            ),
            columns=2,
            height=310,
        ),
    )


def _middle(found: Table, name: str) -> float:
    """The median over the seeds, a rate that was tried."""
    known = sorted(each for each in found.numbers(name) if not math.isnan(each))
    return known[len(known) // 2] if known else math.nan


STUDY = Study(("C9",), QUICK, FULL, measure, claims, figures, dataset=DATASET)
