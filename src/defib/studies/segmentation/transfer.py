"""A classifier's weights in a network that separates digits from a noisy page, pixel by pixel."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from defib.datasets.digit_scenes import is_ink
from defib.networks.pooled_convolutions import pooled_convolutions
from defib.networks.segmenting_classifier import (
    SegmentingClassifier,
    transposed_head,
    upsampling_head,
)
from defib.studies.diagnosed import watched
from defib.studies.image_sets import ImageScale, device_called, images_of
from defib.studies.segmentation.quality import confusion, intersections_over_unions
from defib.training.in_memory import ShuffledBatches, quality, scores_of, train_epoch
from defib.training.seeding import seed_everything

EDGE = 9
"""Of the images, in pixels; each has the mean of 3 x 3 pixels of MNIST."""
BATCH_SIZE = 20
LEARNING_RATE = 1e-2
CLASSIFIER_BATCH_SIZE, CLASSIFIER_LEARNING_RATE = 64, 3e-3
SCRATCH, KEPT = "from scratch", "kept, trained on"
FROZEN, RANDOM = "kept, frozen", "random, frozen"
ARMS = (SCRATCH, KEPT, FROZEN, RANDOM)
"""Whence the weights come up to the head, and whether they are trained."""
UPSAMPLING, TRANSPOSED = "bilinear upsampling", "transposed convolution"
WITH_SKIP, THRESHOLD = "transposed, with skip", "brightness alone"
_THRESHOLDS = 200


@final
@dataclass(frozen=True)
class TransferTask:
    """`noise` is the standard deviation of what is added to each pixel, in standard deviations of
    MNIST's pixels. Each network is judged after each number of `updates`, on images whose number
    with labels for each pixel is one of `annotated`; the classifier learns from more images, of
    which it knows the digit alone."""

    classifier_images: int
    classifier_epochs: int
    validation_images: int
    annotated: tuple[int, ...]
    updates: tuple[int, ...]
    noise: float = 0.7
    device: str = "cpu"


@final
@dataclass(frozen=True, eq=False)
class Annotated:
    """Images [N, 1, 9, 9], the digit of each, and 1 where a pixel is ink."""

    images: Tensor
    digits: Tensor
    ink: Tensor


@final
@dataclass(frozen=True)
class Transfer:
    """Rows (arm, annotated images, updates, IoU of the ink); rows (decoder, IoU); the
    classifier's accuracy; the findings of defib by training."""

    weights: tuple[tuple[str, int, int, float], ...]
    decoders: tuple[tuple[str, float], ...]
    accuracy: float
    watched: tuple[tuple[str, tuple[str, ...]], ...]


def transfer(task: TransferTask, seed: int) -> Transfer:
    """All trainings of a seed."""
    train, held_out = _annotated(task, seed)
    classifier, rules = _classifier(task, train, seed)
    accuracy = quality(classifier[:-1], held_out.images, held_out.digits).accuracy
    silent = [("classifier", rules)]
    weights: list[tuple[str, int, int, float]] = []
    for count in task.annotated:
        for arm in ARMS:
            trained = _trained(task, _part(train, count), held_out, seed, _start(arm, classifier))
            weights += [(arm, count, *point) for point in trained.curve]
            silent.append((f"{arm}, {count} images", trained.rules))
    most = task.annotated[-1]
    best = next(iou for arm, count, _, iou in reversed(weights) if (arm, count) == (SCRATCH, most))
    decoders = [(THRESHOLD, _best_threshold(train, held_out))]
    for name, head in ((UPSAMPLING, upsampling_head), (TRANSPOSED, transposed_head)):
        start = _Start(pooled_convolutions, head, has_skip=False)
        trained = _trained(task, _part(train, most), held_out, seed, start)
        decoders.append((name, trained.curve[-1][1]))
        silent.append((name, trained.rules))
    decoders.append((WITH_SKIP, best))
    return Transfer(tuple(weights), tuple(decoders), accuracy, tuple(silent))


@final
@dataclass(frozen=True)
class _Start:
    """How a training begins."""

    classifier: Callable[[], nn.Sequential]
    head: Callable[[], nn.Module] = transposed_head
    has_skip: bool = True
    is_frozen: bool = False


@final
@dataclass(frozen=True)
class _Trained:
    """IoU by updates, and the findings of defib."""

    curve: tuple[tuple[int, float], ...]
    rules: tuple[str, ...]


def _start(arm: str, classifier: nn.Sequential) -> _Start:
    def own() -> nn.Sequential:
        return copy.deepcopy(classifier)

    source = own if arm in (KEPT, FROZEN) else pooled_convolutions
    return _Start(source, is_frozen=arm in (FROZEN, RANDOM))


def _annotated(task: TransferTask, seed: int) -> tuple[Annotated, Annotated]:
    """Noisy images for training, and held-out ones; ink is told from the images without noise."""
    scale = ImageScale(task.classifier_images, task.validation_images, EDGE)
    clean = images_of("mnist", scale, seed)
    generator = torch.Generator().manual_seed(seed)

    def made(images: Tensor, digits: Tensor) -> Annotated:
        noise = task.noise * torch.randn(images.shape, generator=generator)
        ink = is_ink(images, clean.images).float()
        device = device_called(task.device)
        return Annotated((images + noise).to(device), digits.to(device), ink.to(device))

    train = made(clean.images, clean.labels)
    return train, made(clean.validation_images, clean.validation_labels)


def _part(images: Annotated, count: int) -> Annotated:
    return Annotated(images.images[:count], images.digits[:count], images.ink[:count])


def _classifier(
    task: TransferTask, train: Annotated, seed: int
) -> tuple[nn.Sequential, tuple[str, ...]]:
    """Trained on the digits' names, and the findings of defib."""
    seed_everything(seed)
    batches = ShuffledBatches(train.images, train.digits, CLASSIFIER_BATCH_SIZE)
    with watched() as watch:
        classifier = pooled_convolutions().to(train.images.device)
        # Without the softmax, which the loss has in it.
        scores = classifier[:-1]
        optimizer = torch.optim.Adam(scores.parameters(), lr=CLASSIFIER_LEARNING_RATE)
        for _ in range(task.classifier_epochs):
            train_epoch(scores, optimizer, batches)
    return classifier, watch.rules


def _trained(
    task: TransferTask, part: Annotated, held_out: Annotated, seed: int, start: _Start
) -> _Trained:
    seed_everything(seed)
    curve: list[tuple[int, float]] = []
    with watched() as watch:
        network = SegmentingClassifier(start.classifier(), start.head(), has_skip=start.has_skip)
        network.to(part.images.device)
        for parameter in network.kept():
            parameter.requires_grad_(not start.is_frozen)
        learned = [each for each in network.parameters() if each.requires_grad]
        optimizer = torch.optim.Adam(learned, lr=LEARNING_RATE)
        batches = _endless(part)
        for done in range(1, task.updates[-1] + 1):
            _update(network, optimizer, *next(batches))
            if done in task.updates:
                curve.append((done, ink_iou(network, held_out)))
    return _Trained(tuple(curve), watch.rules)


def _endless(part: Annotated) -> Iterator[tuple[Tensor, Tensor]]:
    batches = ShuffledBatches(part.images, part.ink, BATCH_SIZE)
    while True:
        yield from batches


def _update(
    network: nn.Module, optimizer: torch.optim.Optimizer, images: Tensor, ink: Tensor
) -> None:
    optimizer.zero_grad()
    functional.binary_cross_entropy_with_logits(network(images), ink).backward()
    optimizer.step()


def ink_iou(network: nn.Module, held_out: Annotated) -> float:
    """Of the pixels with a positive score and those with ink."""
    return _iou(scores_of(network, held_out.images) > 0, held_out.ink)


def _iou(guesses: Tensor, ink: Tensor) -> float:
    counts = confusion(guesses.long(), ink.long(), 2)
    return float(intersections_over_unions(counts)[1])


def _best_threshold(train: Annotated, held_out: Annotated) -> float:
    """IoU of the pixels brighter than a value, the one that is best on the training images."""
    images = train.images[:1000]
    lowest, highest = images.aminmax()
    values = torch.linspace(float(lowest), float(highest), _THRESHOLDS).tolist()
    best = max(values, key=lambda value: _iou(images > value, train.ink[:1000]))
    return _iou(held_out.images > best, held_out.ink)
