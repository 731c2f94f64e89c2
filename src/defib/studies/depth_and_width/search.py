"""Dense networks with few hidden units, drawn at random, and how one of them is trained."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from torch import nn

from defib.networks.dense import dense_network
from defib.schedules.one_cycle import OneCycle
from defib.studies.handwriting import CLASSES, adam, placed, seed_training
from defib.studies.image_sets import Images, ImageScale
from defib.training.in_memory import train_epoch
from defib.training.scheduled_learning_rate import ScheduledLearningRate

BATCH_SIZE = 64
TAPERS = (1.0, 2.0, 4.0)
"""How many times as wide as the next a hidden layer is."""
DROPOUTS = (0.0, 0.1, 0.2, 0.3)
LOWEST_RATE, HIGHEST_RATE = 1e-3, 5e-3
"""Of the peaks that are drawn, evenly in their logarithm."""


@final
@dataclass(frozen=True)
class Recipe:
    """Widths of the hidden layers, dropout after each of them, the highest learning rate."""

    widths: tuple[int, ...]
    dropout: float
    peak_rate: float

    @property
    def layout(self) -> str:
        """`64-36` for two hidden layers."""
        return "-".join(map(str, self.widths))


def split(units: int, depth: int, taper: float = 1.0) -> tuple[int, ...]:
    """Widths of `depth` layers with `units` in all, each `taper` times as wide as the next."""
    shares = np.array([taper**-at for at in range(depth)])
    edges = np.rint(np.cumsum(shares) / shares.sum() * units).astype(int)
    return tuple(int(b - a) for a, b in itertools.pairwise((0, *edges)))


def drawn_recipes(units: int, depths: Sequence[int], count: int) -> tuple[Recipe, ...]:
    """The same for every seed of a study: what is drawn depends on `units` alone."""
    generator = np.random.default_rng(units)
    return tuple(_drawn(units, depths, generator) for _ in range(count))


def _drawn(units: int, depths: Sequence[int], generator: np.random.Generator) -> Recipe:
    depth = int(generator.choice(depths))
    taper, dropout = float(generator.choice(TAPERS)), float(generator.choice(DROPOUTS))
    rate = LOWEST_RATE * (HIGHEST_RATE / LOWEST_RATE) ** float(generator.uniform())
    return Recipe(split(units, depth, taper), dropout, round(rate, 5))


def trained(
    recipe: Recipe, data: Images, scale: ImageScale, *, epochs: int, seed: int
) -> nn.Sequential:
    """The network after its training, whose learning rate makes one cycle."""
    seed_training(seed)
    widths = (scale.edge**2, *recipe.widths, CLASSES)
    network = placed(dense_network(widths, dropout=recipe.dropout), scale)
    batches, optimizer = data.batches(BATCH_SIZE), adam(network, recipe.peak_rate)
    plan = OneCycle(recipe.peak_rate, steps=epochs * len(batches))
    scheduler = ScheduledLearningRate(optimizer, plan)
    for _ in range(epochs):
        train_epoch(network, optimizer, batches, after_step=scheduler.step)
        # After each epoch, as those who train do; what watches the training sees it.
        data.quality(network)
    return network


def without_held_out(data: Images, count: int) -> Images:
    """The training images without the last `count`, which take the place of the test images."""
    kept = len(data.images) - count
    return Images(data.images[:kept], data.labels[:kept], data.images[kept:], data.labels[kept:])
