"""Does a batch that grows at a fixed learning rate replace one whose learning rate falls?

MiniGoogLeNet is trained on FashionMNIST with the learning rate fixed at lr_max and a batch that
begins with 32 examples and doubles every k updates (gradient descent with momentum 0.9). Batches
that are larger than a part come in several parts, whose gradients are added up; batch normalisation
sees each part alone. Beside it stands the training of `cyclical-learning-rate` with batches of 64
and the same first weights. k is such that both go through as many examples. No batch is larger than
all data: quick, with 2,000 images, it grows to 1,024; at full size to 16,384.

Smith, Kindermans, Ying, Le (arXiv:1711.00489) double after fixed numbers of epochs instead: there
small batches see as many examples as large ones; here they take as many updates.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset

from defib.records.chart import Chart, Line, Lines
from defib.records.study import Claim, Published, StudyResult, Sureness, Table
from defib.schedules.batch_growth import BatchGrowth
from defib.studies import cyclical_learning_rate
from defib.studies.base import Study
from defib.studies.cyclical_learning_rate import cyclical_training
from defib.studies.fashion import (
    BATCH_SIZE,
    DATASET,
    descent,
    garments,
    seeded_network,
)
from defib.studies.image_sets import Images
from defib.studies.intervals import above, difference_interval, ratio_interval
from defib.studies.pictures import curve
from defib.studies.tables import table
from defib.training.growing_batches import (
    GrowingBatches,
    GrowingBatchSampler,
    backward_in_parts,
)
from defib.training.in_memory import quality

CYCLICAL, GROWING = "cyclical rate", "growing batch"
TOLERANCE = 0.01
"""Of accuracy: what counts as no worse."""
SMITH = "Smith, Kindermans, Ying, Le (2018), arXiv:1711.00489"


@final
@dataclass(frozen=True)
class Config:
    """Batches from `first` to `last` in parts of at most `largest_part`.

    `cyclical` is the other training; its lr_max is the fixed learning rate.
    """

    seeds: int
    cyclical: cyclical_learning_rate.Config
    last: int
    first: int = 32
    largest_part: int = 1024

    @property
    def sizes(self) -> tuple[int, ...]:
        """Of the batches, in the order in which they come."""
        doublings = (self.last // self.first).bit_length()
        return tuple(self.first * 2**each for each in range(doublings))

    @property
    def every(self) -> int:
        """Updates with each size, so that all of them together take the examples of the other."""
        return self.cyclical.epochs * self.cyclical.scale.train_images // sum(self.sizes)


QUICK = Config(seeds=3, cyclical=cyclical_learning_rate.QUICK, last=1024, largest_part=512)
FULL = Config(seeds=5, cyclical=cyclical_learning_rate.FULL, last=16_384)


@final
class Indexed(Dataset[Any]):
    """Images and labels by many indices at once, which is faster than one by one."""

    def __init__(self, data: Images) -> None:
        self._data = data

    def __len__(self) -> int:
        return len(self._data.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self._data.images[index], self._data.labels[index]

    def __getitems__(self, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        return self._data.images[list(indices)], self._data.labels[list(indices)]


def measure(config: Config, seed: int) -> Mapping[str, Table]:
    data = garments(config.cyclical.scale, seed)
    begun = time.perf_counter()
    cyclical = cyclical_training(config.cyclical, data, seed)
    between = time.perf_counter()
    network, steps = _growing_training(config, data, seed)
    ended = time.perf_counter()
    compared = [
        (
            CYCLICAL,
            cyclical.updates,
            cyclical.updates * BATCH_SIZE,
            *_compared(cyclical.network, data),
        ),
        (GROWING, len(steps), sum(size for size, _ in steps), *_compared(network, data)),
    ]
    seconds = [(CYCLICAL, between - begun), (GROWING, ended - between)]
    values = "updates examples train_loss train_accuracy validation_loss validation_accuracy gap"
    return {
        "compared": table("training", values, compared),
        "growth": table("stage", "batch_size examples train_loss", _stages(config, steps)),
        "time": table("training", "seconds", seconds),
    }


def _growing_training(
    config: Config, data: Images, seed: int
) -> tuple[nn.Sequential, list[tuple[int, float]]]:
    """The network, and size and loss of each batch."""
    network = seeded_network(config.cyclical.scale, seed)
    optimizer = descent(network, config.cyclical.lr_max)
    schedule = BatchGrowth(config.every, config.first, config.last)
    sampler = GrowingBatchSampler(
        len(data.images),
        schedule,
        seed=seed,
        largest_part=config.largest_part,
        keeps_rest=False,
    )
    batches = GrowingBatches(Indexed(data), sampler, collate_fn=_as_it_is)
    updates = config.every * len(config.sizes)
    steps: list[tuple[int, Tensor]] = []
    while len(steps) < updates:
        for batch in batches:
            optimizer.zero_grad()
            loss = backward_in_parts(
                batch, lambda part: functional.cross_entropy(network(part[0]), part[1])
            )
            optimizer.step()
            steps.append((batch.size, loss))
            if len(steps) == updates:
                break
    return network, [(size, float(loss)) for size, loss in steps]


def _as_it_is(part: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    return part


def _compared(network: nn.Module, data: Images) -> tuple[float, ...]:
    """Loss and accuracy on training and validation images, and how far the accuracies differ."""
    train = quality(network, data.images, data.labels)
    held_out = data.quality(network)
    gap = train.accuracy - held_out.accuracy
    return train.loss, train.accuracy, held_out.loss, held_out.accuracy, gap


def _stages(config: Config, steps: Sequence[tuple[int, float]]) -> list[tuple[float, ...]]:
    """For each size: the examples up to its end, and its mean loss, weighted by examples."""
    rows: list[tuple[float, ...]] = []
    examples = 0
    for stage in range(len(config.sizes)):
        part = steps[stage * config.every : (stage + 1) * config.every]
        count = sum(size for size, _ in part)
        examples += count
        mean = sum(size * loss for size, loss in part) / count
        rows.append((stage + 1, part[0][0], examples, mean))
    return rows


def claims(result: StudyResult) -> tuple[Claim, ...]:
    compared, growth = result.by_seed("compared"), result.by_seed("growth")
    seconds = result.by_seed("time")
    cyclical, growing = ({"training": each} for each in (CYCLICAL, GROWING))
    updates = ratio_interval(
        compared.numbers("updates", **cyclical), compared.numbers("updates", **growing)
    )
    speed = ratio_interval(
        seconds.numbers("seconds", **cyclical), seconds.numbers("seconds", **growing)
    )
    accuracy, loss, gap = (
        difference_interval(compared.numbers(name, **growing), compared.numbers(name, **cyclical))
        for name in ("validation_accuracy", "train_loss", "gap")
    )
    stages = growth.distinct("stage")
    fall = difference_interval(
        growth.numbers("train_loss", stage=stages[0]),
        growth.numbers("train_loss", stage=stages[-1]),
    )
    return (
        Claim(
            "fewer-updates",
            "For about as many examples the growing batch takes less than half as many updates.",
            above(updates, 2.0),
            updates.as_numbers("times_fewer_updates") | speed.as_numbers("times_faster"),
            Published(
                "WRN-16-4 on CIFAR-10: about 80,000 updates with a falling rate, 29,000 with a "
                "growing batch",
                SMITH,
                Sureness.READ_SECOND_HAND,
                {"times_fewer_updates": 80 / 29},
            ),
        ),
        Claim(
            "loss-falls",
            "The training loss is lower with the largest batches than with the first, small ones.",
            above(fall, 0.0),
            fall.as_numbers("loss_lost"),
        ),
        Claim(
            "generalises-as-well",
            "The validation accuracy is at most a hundredth below that of the cyclical rate.",
            above(accuracy, -TOLERANCE),
            accuracy.as_numbers("accuracy_gained")
            | loss.as_numbers("train_loss_gained")
            | gap.as_numbers("gap_gained"),
            Published(
                "test accuracy 94.3 % with a falling rate, 94.4 % with a growing batch",
                SMITH,
                Sureness.READ_SECOND_HAND,
                {"accuracy_gained": 0.001},
            ),
            "The batch grows after equal numbers of updates: the small ones see few examples, "
            "and there are fewer updates in all than in the published training.",
        ),
    )


def figures(result: StudyResult) -> tuple[Chart, ...]:
    growth, compared = result.tables["growth"], result.tables["compared"]
    stages = curve(growth, GROWING, "examples", "train_loss")
    final = [
        Line(
            f"{training}, at the end",
            compared.numbers("examples", training=training),
            compared.numbers("train_loss", training=training),
            is_dots=True,
        )
        for training in (CYCLICAL, GROWING)
    ]
    sizes = Line("batch size", growth.numbers("examples"), growth.numbers("batch_size"))
    accuracy = [
        compared.numbers("validation_accuracy", training=each)[0] for each in (CYCLICAL, GROWING)
    ]
    updates = [compared.numbers("updates", training=each)[0] for each in (CYCLICAL, GROWING)]
    return (
        Chart(
            "growth",
            "A growing batch at a fixed learning rate",
            "Left: mean training loss with each batch size against the examples so far, and the "
            "loss of both trained networks on all training images, without dropout. Right: the "
            f"batch size. The validation accuracy is {accuracy[1]:.3f} after {updates[1]:.0f} "
            f"updates, and {accuracy[0]:.3f} after {updates[0]:.0f} with the cyclical rate.",
            (
                Lines("examples", "training loss", (stages, *final)),
                Lines("examples", "batch size", (sizes,), is_log_y=True),
            ),
            columns=2,
            height=290,
        ),
    )


STUDY = Study(("C11",), QUICK, FULL, measure, claims, figures, dataset=DATASET)
