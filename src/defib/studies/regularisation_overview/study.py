"""What helps a network that has learnt its screenshots by heart, and how much?

Two hidden dense layers learn to answer "Is 47 more than 82?" from 400 screenshots, by AdamW
without weight decay, until every one of them is answered rightly. Against that stand weight decay,
dropout, four times as many questions, layers a fifth as wide, screenshots shifted by up to a pixel
at random, and stopping early; each alone, with as many steps in all and everything else as it was.
All are judged on the same new questions, which chose nothing: early stopping has others of its own.
The effect is the difference from the base with the same seed.

Beside it the same network learns 200 sums, "Is 23 + 45 = 68?", whose answers do not carry over:
it fits all of them and is at chance on new ones. defib watches every training; those of the base
are meant to overfit, and are no healthy ones.

Quick: layers of 50 units. Full: layers of 100, and more seeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from defib.records.study import Table
from defib.studies.base import Study
from defib.studies.regularisation_overview.arms import (
    ARMS,
    BASE,
    BEYOND,
    LEARNABLE,
    Trained,
    questions_of,
    trained,
)
from defib.studies.regularisation_overview.claims import OVERFITTING, claims
from defib.studies.regularisation_overview.figures import figures
from defib.studies.silence import watched_table
from defib.studies.tables import table


@final
@dataclass(frozen=True)
class Config:
    """`held_out` questions for the validation, and as many for the test."""

    seeds: int
    width: int
    examples: int = 400
    held_out: int = 500
    epochs: int = 60
    sums: int = 200
    device: str = "cpu"


QUICK = Config(seeds=3, width=50)
FULL = Config(seeds=10, width=100, held_out=2000, device="auto")


def measure(config: Config, seed: int) -> Mapping[str, Table]:
    questions = questions_of(LEARNABLE, config.examples, config.held_out, seed, config.device)
    found = {name: trained(name, questions, config.width, config.epochs, seed) for name in ARMS}
    sums = questions_of(BEYOND, config.sums, config.held_out, seed, config.device)
    by_heart = trained(BASE, sums, config.width, config.epochs, seed)
    return {
        "effects": table(
            "remedy",
            "train_loss train_accuracy test_loss test_accuracy lowest_test_loss loss_saved "
            "accuracy_gained last_epoch is_called_overfitting",
            [_effect(name, each, found[BASE]) for name, each in found.items()],
        ),
        "sums": table(
            "questions",
            "train_accuracy test_accuracy test_loss is_called_overfitting",
            [
                (
                    BEYOND,
                    by_heart.training.accuracy,
                    by_heart.test.accuracy,
                    by_heart.test.loss,
                    OVERFITTING in by_heart.rules,
                )
            ],
        ),
        "curves": table(
            "remedy epoch",
            "train_loss train_accuracy test_loss test_accuracy",
            [(name, *row) for name, each in found.items() for row in each.course],
        ),
        "watched": watched_table(
            (name, each.rules) for name, each in found.items() if name != BASE
        ),
    }


def _effect(name: str, found: Trained, base: Trained) -> tuple[object, ...]:
    return (
        name,
        found.training.loss,
        found.training.accuracy,
        found.test.loss,
        found.test.accuracy,
        min(row[3] for row in found.course),
        base.test.loss - found.test.loss,
        found.test.accuracy - base.test.accuracy,
        int(found.course[-1][0]),
        OVERFITTING in found.rules,
    )


STUDY = Study(("D8", "A6"), QUICK, FULL, measure, claims, figures)
