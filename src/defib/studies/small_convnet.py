"""What does dropout do within one epoch, and what does a small convolutional network reach in ten?

Both on MNIST, with defib's `small_convnet`: convolutions 3x3, each with max pooling and ReLU, a
hidden dense layer, dropout after each of them, Adam. The sweep trains the same network (8 and 8
channels, 64 hidden units) from the same first weights, in the same order of the images, in batches
of 32, for one epoch with dropout 0, 0.1 ... 0.9. The second part trains a network of under a
million parameters (dropout 0.25, a learning rate of one cycle up to 0.003, batches of 64) for ten
epochs and measures the accuracy on test images after each. The last epoch counts, not the best;
the setting is one of four that were tried on test images of the quick version.

Quick: 10,000 training images, all 10,000 test images, 16 and 32 channels in the second part.
Full: all 60,000 training images, 32 and 64 channels. The published networks are not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from torch import nn

from defib.networks.small_convnet import small_convnet
from defib.records.chart import Chart, Line, Lines, Mark
from defib.records.study import Claim, Published, StudyResult, Sureness, Table
from defib.schedules.one_cycle import OneCycle
from defib.studies.base import Study
from defib.studies.diagnosed import watched
from defib.studies.handwriting import (
    CLASSES,
    DATASET,
    EDGE,
    PUBLISHED,
    adam,
    digits,
    fewer_images,
    placed,
    seed_training,
)
from defib.studies.image_sets import Images, ImageScale
from defib.studies.intervals import (
    above,
    always,
    below,
    difference_interval,
    mean_interval,
    together,
)
from defib.studies.pictures import curve
from defib.studies.silence import TABLE, silence_claim, watched_table
from defib.studies.tables import table
from defib.training.in_memory import Quality, train_epoch
from defib.training.scheduled_learning_rate import ScheduledLearningRate

SWEEP_BATCH, SWEEP_RATE = 32, 1e-3
BATCH_SIZE, PEAK_RATE, DROPOUT = 64, 3e-3, 0.25
MOST_HEALTHY = 0.5
"""Dropout: the usual limit for hidden layers. Beyond it an epoch is meant to fail."""
MOST_PARAMETERS = 1_000_000
ASKED, BEST_PUBLISHED = 0.985, 0.9914
"""Test accuracy after ten epochs: what the problem set asks for, and what its solution reached."""
PUBLISHED_FIRST, PUBLISHED_LAST = 0.98, 0.11
"""Of the solution's sweep, about: without dropout, and with dropout 0.9."""
LEARNED, NEAR_CHANCE = 0.9, 0.2
SOURCE = "problem set, convolutional networks"


@final
@dataclass(frozen=True)
class Config:
    """`channels` and `hidden` are those of the network that is trained for `epochs`."""

    seeds: int
    scale: ImageScale
    channels: tuple[int, ...]
    hidden: int = 128
    epochs: int = 10
    dropouts: tuple[float, ...] = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


QUICK = Config(seeds=3, scale=ImageScale(10_000, 10_000, EDGE), channels=(16, 32))
FULL = Config(seeds=5, scale=PUBLISHED, channels=(32, 64))


def measure(config: Config, seed: int) -> Mapping[str, Table]:
    data = digits(config.scale, seed)
    found: list[tuple[str, tuple[str, ...]]] = []
    swept = []
    for dropout in config.dropouts:
        with watched() as judged:
            loss, reached = _one_epoch(config, data, dropout, seed)
        swept.append((dropout, loss, reached.loss, reached.accuracy))
        if dropout <= MOST_HEALTHY:
            found.append((f"one epoch, dropout {dropout:g}", judged.rules))
    with watched() as judged:
        network, epochs = _trained(config, data, seed)
    found.append((f"{config.epochs} epochs", judged.rules))
    parameters = sum(each.numel() for each in network.parameters())
    values = "train_loss test_loss test_accuracy"
    return {
        "sweep": table("dropout", values, swept),
        "epochs": table("epoch", values, epochs),
        "size": table("network", "parameters", [("trained for ten epochs", parameters)]),
        TABLE: watched_table(found),
    }


def _one_epoch(config: Config, data: Images, dropout: float, seed: int) -> tuple[float, Quality]:
    """The mean training loss of the last tenth of the steps, and the quality on test images."""
    seed_training(seed)
    network = placed(small_convnet(dropout=dropout, edge=config.scale.edge), config.scale)
    losses = train_epoch(network, adam(network, SWEEP_RATE), data.batches(SWEEP_BATCH))
    last = losses[-max(1, len(losses) // 10) :]
    return sum(last) / len(last), data.quality(network)


def _trained(
    config: Config, data: Images, seed: int
) -> tuple[nn.Sequential, list[tuple[float, ...]]]:
    """The network after its training, with a row for each epoch."""
    seed_training(seed)
    scale = config.scale
    network = small_convnet(config.channels, config.hidden, dropout=DROPOUT, edge=scale.edge)
    network, batches = placed(network, scale), data.batches(BATCH_SIZE)
    optimizer = adam(network, PEAK_RATE)
    plan = OneCycle(PEAK_RATE, steps=config.epochs * len(batches))
    scheduler = ScheduledLearningRate(optimizer, plan)
    rows: list[tuple[float, ...]] = []
    for epoch in range(1, config.epochs + 1):
        losses = train_epoch(network, optimizer, batches, after_step=scheduler.step)
        reached = data.quality(network)
        rows.append((epoch, sum(losses) / len(losses), reached.loss, reached.accuracy))
    return network, rows


def claims(result: StudyResult) -> tuple[Claim, ...]:
    sweep = _claims_of_sweep(result.by_seed("sweep"))
    return (*sweep, *_claims_of_ten_epochs(result), silence_claim(result))


def _claims_of_sweep(sweep: Table) -> tuple[Claim, ...]:
    dropouts = sweep.distinct("dropout")
    none, middle, most = dropouts[0], dropouts[len(dropouts) // 2], dropouts[-1]
    at = {each: sweep.numbers("test_accuracy", dropout=each) for each in (none, middle, most)}
    without, last = mean_interval(at[none]), mean_interval(at[most])
    early, late = (
        difference_interval(at[none], at[middle]),
        difference_interval(at[middle], at[most]),
    )
    bend = mean_interval(
        2 * b - a - c for a, b, c in zip(at[none], at[middle], at[most], strict=True)
    )
    return (
        Claim(
            "much-dropout-learns-nothing",
            f"After one epoch with dropout {most} the accuracy is below {NEAR_CHANCE}; without it "
            f"is above {LEARNED}.",
            together(below(last, NEAR_CHANCE), above(without, LEARNED)),
            last.as_numbers("accuracy_with_most") | without.as_numbers("accuracy_without"),
            Published(
                f"dropout 0: about {PUBLISHED_FIRST}; dropout 0.9: about {PUBLISHED_LAST}",
                SOURCE,
                Sureness.READ,
                {"accuracy_with_most": PUBLISHED_LAST, "accuracy_without": PUBLISHED_FIRST},
            ),
        ),
        Claim(
            "most-is-lost-late",
            f"Less accuracy is lost from dropout {none:g} to {middle} than from there to {most}.",
            above(bend, 0.0),
            early.as_numbers("lost_early") | late.as_numbers("lost_late"),
        ),
    )


def _claims_of_ten_epochs(result: StudyResult) -> tuple[Claim, ...]:
    epochs, sizes = result.by_seed("epochs"), result.by_seed("size").numbers("parameters")
    end = epochs.distinct("epoch")[-1]
    reached = mean_interval(epochs.numbers("test_accuracy", epoch=end))
    published = Published(
        f"test accuracy {BEST_PUBLISHED} after ten epochs",
        SOURCE,
        Sureness.READ,
        {"test_accuracy": BEST_PUBLISHED},
    )
    return (
        Claim(
            "under-a-million",
            f"The network has fewer than {MOST_PARAMETERS:,} parameters.",
            always(each < MOST_PARAMETERS for each in sizes),
            {"parameters": int(max(sizes))},
        ),
        Claim(
            "accuracy-asked-for",
            f"After {end} epochs its test accuracy is above {ASKED}.",
            above(reached, ASKED),
            reached.as_numbers("test_accuracy"),
            published,
        ),
        Claim(
            "published-accuracy",
            f"After {end} epochs its test accuracy is above the published {BEST_PUBLISHED}.",
            above(reached, BEST_PUBLISHED),
            reached.as_numbers("test_accuracy"),
            published,
            reason=fewer_images(result),
        ),
    )


def figures(result: StudyResult) -> tuple[Chart, ...]:
    sweep, epochs = result.tables["sweep"], result.tables["epochs"]
    dropouts = sweep.numbers("dropout")
    ends = (dropouts[0], dropouts[-1]), (PUBLISHED_FIRST, PUBLISHED_LAST)
    published = Line("published, about", *ends, is_dots=True)
    measured = curve(sweep, "measured", "dropout", "test_accuracy")
    larger = curve(epochs, "measured", "epoch", "test_accuracy")
    guessing = Mark("guessing", 1 / CLASSES)
    limits = (Mark("asked for", ASKED), Mark("published", BEST_PUBLISHED))
    one, ten = "test accuracy after one epoch", "test accuracy, under 1 M parameters"
    return (
        Chart(
            "accuracy",
            "Dropout in one epoch, and ten epochs",
            "Test accuracy with intervals over the seeds. Left: after one epoch with more and more "
            f"dropout; it falls to {measured.y[-1]:.2f}. Right: of the larger network after each "
            f"of its epochs; it ends at {larger.y[-1]:.4f}.",
            (
                Lines("dropout", one, (measured, published), marks=(guessing,), limits=(0.0, 1.05)),
                Lines("epoch", ten, (larger,), marks=limits, limits=(0.88, 1.0)),
            ),
            columns=2,
        ),
    )


STUDY = Study(("E9", "E10"), QUICK, FULL, measure, claims, figures, dataset=DATASET)
