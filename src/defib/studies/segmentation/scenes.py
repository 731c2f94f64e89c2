"""FCN-32s, FCN-16s and FCN-8s in small on scenes of handwritten digits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor
from torch.nn import functional

from defib.datasets.digit_scenes import SceneLayout, Scenes, digit_scenes
from defib.networks.small_fcn import SmallFCN
from defib.studies.diagnosed import watched
from defib.studies.image_sets import ImageScale, device_called, images_of
from defib.studies.pixels import pixel_rows
from defib.studies.segmentation.quality import confusion, mean_iou, near_boundary
from defib.training.in_memory import ShuffledBatches, scores_of, train_epoch
from defib.training.seeding import seed_everything

VARIANTS = {"FCN-32s": 0, "FCN-16s": 1, "FCN-8s": 2}
"""Skips of each."""
COARSE, MIDDLE, FINE = VARIANTS
BATCH_SIZE = 16
SHOWN = 3
"""Held-out scenes in the picture."""
SCENE, TRUTH = "scene", "labels"
GREYS = (-1.5, 3.5)
"""Shown as black and as white, in standard deviations of MNIST's pixels."""
LABELS = 255.0
"""As the highest label, so that `pixel_rows` keeps labels exactly."""
_SPARE = 1.25
"""Images drawn for each that is needed, so that enough of them are of the wanted digits."""


@final
@dataclass(frozen=True)
class SceneTask:
    """`scenes` of two digits among the first `kinds`, each digit of 28 pixels times `enlargement`.

    `widths` has a stage for each pooling: with five the coarsest network enlarges by 32 and finds
    digits of 112 pixels (`enlargement` 4); with three it enlarges by 8, and everything is a
    quarter. The `distances` from a boundary are in pixels, times `enlargement`.
    """

    kinds: int
    scenes: int
    validation_scenes: int
    enlargement: int
    widths: tuple[int, ...]
    epochs: int
    learning_rate: float
    distances: tuple[int, ...] = (1, 2, 4)
    noise: float = 0.5
    device: str = "cpu"

    @property
    def layout(self) -> SceneLayout:
        size = self.enlargement
        return SceneLayout(2, 40 * size, 32 * size, boldness=size, noise=self.noise)

    @property
    def classes(self) -> int:
        """The background is one."""
        return self.kinds + 1


@final
@dataclass(frozen=True)
class SceneOutcome:
    """Rows (network, mean IoU, pixel accuracy); rows (network, distance, accuracy up to that
    distance from a boundary, accuracy beyond it); rows (network, factor of the last upsampling,
    greatest difference to `started_as`); findings of defib by training."""

    networks: tuple[tuple[str, float, float], ...]
    boundary: tuple[tuple[str, int, float, float], ...]
    structure: tuple[tuple[str, int, float], ...]
    pixels: tuple[tuple[str, int, str], ...]
    """Of `SHOWN` held-out scenes: the images, the labels and what each network says."""
    watched: tuple[tuple[str, tuple[str, ...]], ...]


def scene_outcome(task: SceneTask, seed: int) -> SceneOutcome:
    """Each network, trained from the same first weights on the same batches."""
    train, held_out = composed(task, seed)
    bands = {
        each: near_boundary(held_out.labels, each * task.enlargement) for each in task.distances
    }
    networks, boundary, structure, silent = [], [], [], []
    pixels = _shown(SCENE, held_out.images[:, 0], *GREYS) + _shown(TRUTH, held_out.labels)
    for name, skips in VARIANTS.items():
        start = seeded_network(task, skips, seed)
        difference = _difference_at_first(start, held_out.images[:8])
        structure.append((name, start.stride, difference))
        network, rules = _trained(task, train, skips, seed)
        silent.append((name, rules))
        guesses = scores_of(network, held_out.images).argmax(dim=1)
        pixels += _shown(name, guesses)
        is_right = guesses == held_out.labels
        counts = confusion(guesses, held_out.labels, task.classes)
        networks.append((name, mean_iou(counts), _share(is_right)))
        boundary += [
            (name, distance, _share(is_right[band]), _share(is_right[~band]))
            for distance, band in bands.items()
        ]
    return SceneOutcome(
        tuple(networks), tuple(boundary), tuple(structure), tuple(pixels), tuple(silent)
    )


def composed(task: SceneTask, seed: int) -> tuple[Scenes, Scenes]:
    """Scenes for training and held-out ones."""
    needed = [count * task.layout.digits for count in (task.scenes, task.validation_scenes)]
    drawn = [math.ceil(_SPARE * count * 10 / task.kinds) for count in needed]
    data = images_of("mnist", ImageScale(*drawn, edge=28), seed)
    generator = torch.Generator().manual_seed(seed)
    parts = ((data.images, data.labels), (data.validation_images, data.validation_labels))
    made = [
        _scenes(task, *part, count, generator) for part, count in zip(parts, needed, strict=True)
    ]
    return made[0], made[1]


def _scenes(
    task: SceneTask, images: Tensor, labels: Tensor, count: int, generator: torch.Generator
) -> Scenes:
    is_wanted = labels < task.kinds
    chosen, kinds = images[is_wanted][:count], labels[is_wanted][:count]
    if task.enlargement > 1:
        size = [task.enlargement * each for each in chosen.shape[-2:]]
        chosen = functional.interpolate(chosen, size=size, mode="bilinear")
    scenes = digit_scenes(chosen, kinds, task.layout, generator)
    device = device_called(task.device)
    return Scenes(scenes.images.to(device), scenes.labels.to(device))


def seeded_network(task: SceneTask, skips: int, seed: int) -> SmallFCN:
    """In its first state: what the variants share has the same weights."""
    seed_everything(seed)
    network = SmallFCN(task.widths, task.classes, skips=skips)
    return network.to(device_called(task.device))


def _trained(
    task: SceneTask, train: Scenes, skips: int, seed: int
) -> tuple[SmallFCN, tuple[str, ...]]:
    batches = ShuffledBatches(train.images, train.labels, BATCH_SIZE)
    with watched() as watch:
        network = seeded_network(task, skips, seed)
        learned = [each for each in network.parameters() if each.requires_grad]
        optimizer = torch.optim.Adam(learned, lr=task.learning_rate)
        # Again: the weights of a skip took random numbers, and all variants get the same batches.
        seed_everything(seed)
        for _ in range(task.epochs):
            train_epoch(network, optimizer, batches)
    return network, watch.rules


def _difference_at_first(network: SmallFCN, images: Tensor) -> float:
    """Between what an untrained network says, and its coarse scores doubled for each skip.

    The reference is torch's bilinear interpolation, away from the rim, in units of the largest
    score: 0 if the skips say nothing at first.
    """
    with torch.no_grad():
        features = images
        for stage in network.stages:
            features = stage(features)
        scores = network.score(features)
        factors = [2] * len(network.skips) + [network.stride]
        for factor in factors:
            scores = functional.interpolate(scores, scale_factor=factor, mode="bilinear")
        rim = math.prod(factors)
        inside = (..., slice(rim, -rim), slice(rim, -rim))
        difference = (network(images) - scores)[inside].abs().max()
        return float(difference / scores[inside].abs().max())


def _shown(
    name: str, pixels: Tensor, low: float = 0.0, high: float = LABELS
) -> list[tuple[str, int, str]]:
    """Rows of the first images, named `shown_name(name, number)`."""
    return [
        row
        for number in range(SHOWN)
        for row in pixel_rows(shown_name(name, number), pixels[number], low, high)
    ]


def shown_name(name: str, number: int) -> str:
    """Of an image in the table of pixels."""
    return f"{name} {number}"


def _share(is_right: Tensor) -> float:
    return float(is_right.double().mean())
