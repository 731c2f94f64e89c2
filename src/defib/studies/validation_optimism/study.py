"""How far can a validation accuracy be trusted: best of k, and when it lies above training?

Networks with one hidden layer learn MNIST at 14 x 14. Their width, learning rate, weight decay and
dropout are drawn at random, as in a search for hyper-parameters. The best of k of them on a
validation set of n images is then judged on all other held-out images. This is repeated for many
draws of the k networks and of the n images. Beside it stands what independent networks that are
all equally good would promise too much, which is exact.

A validation accuracy above the training accuracy is produced in five ways: by dropout, by batch
normalisation, by a training accuracy that is a mean over the epoch, by easier validation images,
and by copies on both sides of the split. The difference is taken apart exactly: what was learnt
within the epoch, what training mode costs, what other examples make. The largest part names the
reason, and copies among the validation examples tell a leak from easier ones. `defib run` watches
each training, which evaluates four times in an epoch, and gives its own reason from what it saw:
fingerprints of the examples, the classes, the layers, the losses. `defib check` looks at the two
whose examples differ, before they begin.

Quick: 20 networks on 1,000 images for k, trainings on the same images for the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch

from defib.networks.dense import dense_network
from defib.records.study import Table
from defib.studies.base import Study
from defib.studies.diagnosed import watched
from defib.studies.image_sets import Images, ImageScale, images_of
from defib.studies.silence import watched_table
from defib.studies.tables import table
from defib.studies.validation_optimism.best_of_many import independent_optimism, optimism
from defib.studies.validation_optimism.checked_split import named_by_check
from defib.studies.validation_optimism.claims import claims
from defib.studies.validation_optimism.figures import figures
from defib.studies.validation_optimism.gaps import (
    ARMS,
    EASIER,
    LEAK,
    LEAK_RULE,
    MEANT,
    MEANT_BY_RUN,
    Gap,
    gap_of,
    parts_of,
)
from defib.training.in_memory import scores_of, train_epoch
from defib.training.seeding import seed_everything

DATASET = "mnist"
BATCH_SIZE = 50


@final
@dataclass(frozen=True)
class Config:
    """`candidates` networks are drawn; `gap_images` are what the five reasons are trained on."""

    seeds: int
    scale: ImageScale
    candidates: int
    epochs: int
    gap_images: int
    gap_validation: int = 1000
    counts: tuple[int, ...] = (1, 2, 5, 10, 20)
    sizes: tuple[int, ...] = (50, 100, 200, 500, 1000)
    draws: int = 1000


QUICK = Config(seeds=5, scale=ImageScale(1000, 5000, 14), candidates=20, epochs=8, gap_images=1000)
FULL = Config(
    seeds=10,
    scale=ImageScale(10_000, 10_000, 28, "auto"),
    candidates=100,
    epochs=10,
    gap_images=2000,
    counts=(1, 2, 5, 10, 20, 50, 100),
    sizes=(50, 100, 200, 500, 1000, 2000),
)


@final
@dataclass(frozen=True)
class Candidate:
    """Hyper-parameters of one network."""

    width: int
    learning_rate: float
    weight_decay: float
    dropout: float


def measure(config: Config, seed: int) -> Mapping[str, Table]:
    data = images_of(DATASET, config.scale, seed)
    generator = np.random.default_rng(seed)
    drawn = [_drawn(generator) for _ in range(config.candidates)]
    answered = [_answers(each, data, config.epochs, seed + at) for at, each in enumerate(drawn)]
    is_right = np.stack([right for right, _ in answered])
    gaps, checked = _gaps(data, config, seed)
    healthy = [(f"candidate {at + 1}", rules) for at, (_, rules) in enumerate(answered)]
    healthy += [(name, gap.rules) for name, gap in gaps.items() if name != LEAK]
    return {
        "best": table(
            "k validation_images",
            "promised fresh typical optimism independent",
            _best_rows(is_right, config, generator),
        ),
        "gaps": table(
            "reason",
            "reported in_training_mode training validation fresh above lag mode examples shared "
            "is_told told is_told_by_run told_by_run",
            [_gap_row(name, gap) for name, gap in gaps.items()],
        ),
        "checked": table("reason", "is_named rules", checked),
        "watched": watched_table(healthy),
    }


def _drawn(generator: np.random.Generator) -> Candidate:
    return Candidate(
        width=int(generator.choice((16, 32, 64, 128))),
        learning_rate=float(10 ** generator.uniform(-3.2, -2)),
        weight_decay=float(10 ** generator.uniform(-5, -3)),
        dropout=float(generator.choice((0.0, 0.2, 0.4))),
    )


def _answers(
    candidate: Candidate, data: Images, epochs: int, seed: int
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Which held-out images the trained network answers rightly, and the rules defib named."""
    seed_everything(seed)
    with watched() as seen:
        pixels = data.images[0].numel()
        network = dense_network((pixels, candidate.width, 10), dropout=candidate.dropout)
        network.to(data.images.device)
        optimizer = torch.optim.AdamW(
            network.parameters(),
            lr=candidate.learning_rate,
            weight_decay=candidate.weight_decay,
        )
        for _ in range(epochs):
            train_epoch(network, optimizer, data.batches(BATCH_SIZE))
    said = scores_of(network, data.validation_images).argmax(dim=1)
    return (said == data.validation_labels).cpu().numpy(), seen.rules


def _best_rows(
    is_right: np.ndarray, config: Config, generator: np.random.Generator
) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for count in config.counts:
        for size in config.sizes:
            promised, fresh, typical = optimism(is_right, size, count, config.draws, generator)
            independent = independent_optimism(typical, size, count)
            rows.append((count, size, promised, fresh, typical, promised - fresh, independent))
    return rows


def _gaps(
    data: Images, config: Config, seed: int
) -> tuple[dict[str, Gap], list[tuple[object, ...]]]:
    """Each training, and what `defib check` says of the two whose examples differ."""
    few = replace(
        data, images=data.images[: config.gap_images], labels=data.labels[: config.gap_images]
    )
    parts = {name: parts_of(name, few, config.gap_validation) for name in ARMS}
    checked: list[tuple[object, ...]] = []
    for name in (EASIER, LEAK):
        rules = named_by_check(parts[name])
        is_named = None if rules is None else LEAK_RULE in rules
        checked.append((name, is_named, ", ".join(rules or ())))
    return {name: gap_of(name, each, seed) for name, each in parts.items()}, checked


def _gap_row(name: str, gap: Gap) -> tuple[object, ...]:
    return (
        name,
        gap.reported,
        gap.in_training_mode,
        gap.training,
        gap.validation,
        gap.fresh,
        gap.validation - gap.reported,
        gap.lag,
        gap.mode,
        gap.examples,
        gap.shared,
        gap.told == MEANT[name],
        gap.told,
        gap.by_run == MEANT_BY_RUN[name],
        gap.by_run,
    )


STUDY = Study(("E11", "B7"), QUICK, FULL, measure, claims, figures, dataset=DATASET)
