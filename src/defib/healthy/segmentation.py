"""Healthy trainings that give every pixel a class, as the studies of segmentation do.

Their images need no download: scikit-learn's digits, alone or composed to scenes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Adam

from defib.datasets.digit_scenes import SceneLayout, Scenes, digit_scenes
from defib.healthy.base import HealthyTraining, Live, no_gradient
from defib.healthy.image_studies import EDGE, enlarged_digits
from defib.networks.pooled_convolutions import pooled_convolutions
from defib.networks.segmenting_classifier import (
    SegmentingClassifier,
    transposed_head,
    upsampling_head,
)
from defib.networks.small_fcn import SmallFCN
from defib.training.in_memory import ShuffledBatches, scores_of, train_epoch
from defib.training.seeding import seed_everything

KINDS = 3
"""Digits in the scenes, 0 to 2; the page is one more class."""
LAYOUT = SceneLayout(digits=2, height=40, width=32, boldness=1, noise=0.5)
WIDTHS = (8, 16, 32)
"""Of a stage for each of three poolings, so that FCN-32s, 16s and 8s enlarge by 8, 4 and 2."""
SMALL_EDGE = 9
NOISE = 0.7
"""Of the page, in standard deviations of the pixels, where ink is told from paper."""

Images = tuple[Tensor, Tensor, Tensor, Tensor]
"""Images and the classes of their pixels, for training and held out."""


@cache
def scenes() -> tuple[Scenes, Scenes]:
    """Of two digits each, for training and held out."""
    split, generator = enlarged_digits(EDGE), torch.Generator().manual_seed(0)

    def composed(images: Tensor, labels: Tensor) -> Scenes:
        wanted = labels < KINDS
        return digit_scenes(images[wanted], labels[wanted], LAYOUT, generator)

    return (
        composed(split.inputs, split.targets),
        composed(split.validation_inputs, split.validation_targets),
    )


def of_scenes(seed: int, skips: int) -> Live:
    """A small FCN that learns scenes; the error is the share of wrong pixels."""
    seed_everything(seed)
    train, held_out = scenes()
    network = SmallFCN(WIDTHS, KINDS + 1, skips=skips)
    learned = [each for each in network.parameters() if each.requires_grad]
    optimizer = Adam(learned, lr=5e-3)
    batches = ShuffledBatches(train.images, train.labels, 16)

    def learn() -> None:
        for _ in range(10):
            train_epoch(network, optimizer, batches)

    def error() -> Tensor:
        guesses = scores_of(network, held_out.images).argmax(dim=1)
        return (guesses != held_out.labels).float().mean()

    return Live(learn, no_gradient(error))


@cache
def ink() -> Images:
    """Images of 9 x 9 pixels on a noisy page, with 1 where a pixel is ink."""
    split, generator = enlarged_digits(SMALL_EDGE), torch.Generator().manual_seed(0)

    def noisy(images: Tensor) -> Tensor:
        return images + NOISE * torch.randn(images.shape, generator=generator)

    middle = (split.inputs.min() + split.inputs.max()) / 2
    images, held_out = split.inputs, split.validation_inputs
    return (
        noisy(images),
        (images > middle).float(),
        noisy(held_out),
        (held_out > middle).float(),
    )


@cache
def classifier_weights(seed: int) -> dict[str, Tensor]:
    """Of a classifier that was trained on the names of the same digits."""
    seed_everything(seed)
    classifier = pooled_convolutions()
    scores = classifier[:-1]
    batches = ShuffledBatches(ink()[0], enlarged_digits(SMALL_EDGE).targets, 64)
    optimizer = Adam(scores.parameters(), lr=3e-3)
    for _ in range(8):
        train_epoch(scores, optimizer, batches)
    return classifier.state_dict()


def of_ink(
    seed: int,
    *,
    is_kept: bool = True,
    is_frozen: bool = False,
    head: Callable[[], nn.Module] = transposed_head,
    has_skip: bool = False,
) -> Live:
    """The classifier turned into a network that tells ink from page, on 500 images.

    `is_kept` keeps the classifier's weights, `is_frozen` leaves them as they are. The error is the
    share of wrong pixels.
    """
    seed_everything(seed)
    images, targets, held_out, wanted = ink()
    classifier = pooled_convolutions()
    if is_kept:
        classifier.load_state_dict(classifier_weights(seed))
    network = SegmentingClassifier(classifier, head(), has_skip=has_skip)
    for parameter in network.kept():
        parameter.requires_grad_(not is_frozen)
    learned = [each for each in network.parameters() if each.requires_grad]
    optimizer = Adam(learned, lr=1e-2)
    batches = ShuffledBatches(images[:500], targets[:500], 20)

    def learn() -> None:
        for _ in range(8):
            train_epoch(
                network, optimizer, batches, loss_function=F.binary_cross_entropy_with_logits
            )

    def error() -> Tensor:
        return ((scores_of(network, held_out) > 0) != (wanted > 0.5)).float().mean()

    return Live(learn, no_gradient(error))


TRAININGS: Mapping[str, HealthyTraining] = {
    "scenes-fcn-32s": HealthyTraining(partial(of_scenes, skips=0)),
    "scenes-fcn-16s": HealthyTraining(partial(of_scenes, skips=1)),
    "scenes-fcn-8s": HealthyTraining(partial(of_scenes, skips=2)),
    "ink-from-scratch": HealthyTraining(partial(of_ink, is_kept=False)),
    "ink-kept": HealthyTraining(of_ink, classifier_weights),
    "ink-frozen": HealthyTraining(partial(of_ink, is_frozen=True), classifier_weights),
    "ink-skip": HealthyTraining(partial(of_ink, has_skip=True), classifier_weights),
    "ink-upsampled": HealthyTraining(partial(of_ink, head=upsampling_head), classifier_weights),
}
