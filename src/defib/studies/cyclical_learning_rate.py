"""What does a cyclical learning rate with exponential decay do to loss and accuracy?

MiniGoogLeNet is trained on FashionMNIST in batches of 64 (gradient descent with momentum 0.9). The
learning rate rises from lr_min to lr_max and falls back, three times, while the height of the
cycles decays exponentially to a tenth at the end (exp_range of Smith, arXiv:1506.01186). Loss and
accuracy on the validation images are measured after each epoch; those on the training images are
means over the epoch, as it is trained.

Quick: a narrower network on 2,000 images of 14 x 14, between the lr_min and lr_max that
`learning-rate-range` finds for it. Full: 28 x 28 images without shifts and flips, between the
published 1e-5 and 1e-2; the published accuracy is that of a triangular schedule on 32 x 32 images
with shifts and flips.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from torch import nn
from torch.nn import functional

from defib.records.chart import Chart, Lines
from defib.records.study import Claim, Published, StudyResult, Sureness, Table
from defib.schedules.exp_range import ExpRange
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
from defib.studies.image_sets import Images
from defib.studies.intervals import above, difference_interval
from defib.studies.pictures import curve
from defib.studies.tables import table
from defib.training.scheduled_learning_rate import ScheduledLearningRate

LAST_HEIGHT = 0.1
"""Of the cycles at the end of the training, in units of the first."""
PUBLISHED_ACCURACY = 0.9433
TOLERANCE = 0.01
"""Of accuracy: what counts as the published one."""


@final
@dataclass(frozen=True)
class Config:
    """`cycles` of twice `epochs_up`, between `lr_min` and `lr_max`."""

    seeds: int
    scale: Scale
    lr_min: float
    lr_max: float
    epochs_up: int
    cycles: int = 3

    @property
    def epochs(self) -> int:
        return 2 * self.epochs_up * self.cycles


QUICK = Config(seeds=3, scale=SMALL, lr_min=4.64e-3, lr_max=5.99e-2, epochs_up=2)
FULL = Config(seeds=5, scale=PUBLISHED, lr_min=1e-5, lr_max=1e-2, epochs_up=8)


@final
@dataclass(frozen=True, eq=False)
class Trained:
    """A network after its training, with a row for each epoch."""

    network: nn.Sequential
    rows: tuple[tuple[float, ...], ...]
    updates: int


def measure(config: Config, seed: int) -> Mapping[str, Table]:
    trained = cyclical_training(config, garments(config.scale, seed), seed)
    values = "learning_rate train_loss train_accuracy validation_loss validation_accuracy"
    return {"curves": table("epoch", values, trained.rows)}


def cyclical_training(config: Config, data: Images, seed: int) -> Trained:
    """A training from beginning to end; `rows` are those of the table `curves`."""
    network = seeded_network(config.scale, seed)
    batches = data.batches(BATCH_SIZE)
    optimizer = descent(network, config.lr_min)
    scheduler = ScheduledLearningRate(optimizer, planned(config, len(batches)))
    rows: list[tuple[float, ...]] = []
    for epoch in range(1, config.epochs + 1):
        losses, hits = [], []
        for images, labels in batches:
            scores = network(images)
            loss = functional.cross_entropy(scores, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses.append(loss.detach())
            hits.append((scores.argmax(dim=1) == labels).double().mean())
        held_out = data.quality(network)
        train_loss, train_accuracy = (float(sum(each)) / len(batches) for each in (losses, hits))
        rate = float(optimizer.param_groups[0]["lr"])
        rows.append((epoch, rate, train_loss, train_accuracy, held_out.loss, held_out.accuracy))
    return Trained(network, tuple(rows), config.epochs * len(batches))


def planned(config: Config, steps_per_epoch: int) -> ExpRange:
    """The learning rate of each step."""
    steps = config.epochs * steps_per_epoch
    return ExpRange(
        config.lr_min,
        config.lr_max,
        decay=LAST_HEIGHT ** (1 / steps),
        up=config.epochs_up * steps_per_epoch,
    )


def claims(result: StudyResult) -> tuple[Claim, ...]:
    curves = result.by_seed("curves")
    turns = _turning_epochs(result)
    # The feet on both sides: the loss halfway between them is that of a steady fall, or above it.
    tops, before, after = (
        _by_seed(curves, epochs) for epochs in (turns[2::2], turns[1:-1:2], turns[3::2])
    )
    halfway = [(left + right) / 2 for left, right in zip(before, after, strict=True)]
    dip = difference_interval(tops, halfway)
    first, last = (_by_seed(curves, [epoch]) for epoch in (turns[1], turns[-1]))
    gain = difference_interval(first, last)
    accuracy = curves.numbers("validation_accuracy", epoch=turns[-1])
    reached = difference_interval(accuracy, [PUBLISHED_ACCURACY] * len(accuracy))
    gap = difference_interval(curves.numbers("train_accuracy", epoch=turns[-1]), accuracy)
    return (
        Claim(
            "worse-at-the-top",
            "At the tops of the later cycles the validation loss is higher than halfway between "
            "the feet before and after.",
            above(dip, 0.0),
            dip.as_numbers("loss_above_feet"),
            Published(
                "raising the rate harms for a while and helps in the end",
                "Smith, Cyclical Learning Rates (2017), arXiv:1506.01186",
                Sureness.REMEMBERED,
            ),
        ),
        Claim(
            "better-from-cycle-to-cycle",
            "The validation loss at the foot of the last cycle is below that of the first.",
            above(gain, 0.0),
            gain.as_numbers("loss_lost_from_first_to_last"),
        ),
        Claim(
            "published-accuracy",
            "The validation accuracy at the end reaches the published one to a hundredth.",
            above(reached, -TOLERANCE),
            reached.as_numbers("above_published")
            | {"validation_accuracy": reached.estimate + PUBLISHED_ACCURACY}
            | {"training_above_validation": gap.estimate},
            Published(
                "triangular, 48 epochs with shifts and flips: validation accuracy 0.9433, "
                "training accuracy 0.9714",
                "PyImageSearch, Keras learning rate finder (2019)",
                Sureness.READ,
                {"validation_accuracy": PUBLISHED_ACCURACY, "train_accuracy": 0.9714},
            ),
        ),
    )


def _turning_epochs(result: StudyResult) -> list[int]:
    """The epochs that end at a top or at a foot: the first is a top, the last a foot."""
    epochs = [int(each) for each in result.tables["curves"].numbers("epoch")]
    up = int(str(result.config["epochs_up"]))
    return epochs[up - 1 :: up]


def _by_seed(curves: Table, epochs: list[int]) -> list[float]:
    """Mean validation loss of each seed at `epochs`."""
    found: list[float] = []
    for seed in curves.distinct("seed"):
        losses = [curves.numbers("validation_loss", seed=seed, epoch=each)[0] for each in epochs]
        found.append(sum(losses) / len(losses))
    return found


def figures(result: StudyResult) -> tuple[Chart, ...]:
    curves = result.tables["curves"]
    accuracy = curves.numbers("validation_accuracy")[-1]
    panels = (
        Lines(
            "epoch",
            "loss",
            (
                curve(curves, "training", "epoch", "train_loss"),
                curve(curves, "validation", "epoch", "validation_loss"),
            ),
        ),
        Lines(
            "epoch",
            "accuracy",
            (
                curve(curves, "training", "epoch", "train_accuracy"),
                curve(curves, "validation", "epoch", "validation_accuracy"),
            ),
        ),
        Lines(
            "epoch",
            "learning rate",
            (curve(curves, "at the end of the epoch", "epoch", "learning_rate"),),
        ),
    )
    return (
        Chart(
            "curves",
            "Loss and accuracy under exp_range",
            "Loss, accuracy and learning rate by epoch, with intervals over the seeds; training "
            f"with dropout, validation without. The validation accuracy ends at {accuracy:.3f}.",
            panels,
            columns=3,
            height=260,
        ),
    )


STUDY = Study(("C10",), QUICK, FULL, measure, claims, figures, dataset=DATASET)
