"""MNIST as the studies of small networks take it, and how they train on it quickly."""

from __future__ import annotations

from typing import TypeVar, cast

import torch
from torch import nn

from defib.records.study import StudyResult
from defib.studies.image_sets import Images, ImageScale, device_called, images_of
from defib.training.seeding import seed_everything

DATASET = "mnist"
TRAIN_IMAGES, TEST_IMAGES, EDGE, CLASSES = 60_000, 10_000, 28, 10
PUBLISHED = ImageScale(TRAIN_IMAGES, TEST_IMAGES, EDGE, "auto")

Network = TypeVar("Network", bound=nn.Module)


def digits(scale: ImageScale, seed: int) -> Images:
    """The images of a training, by `images_of`."""
    return images_of(DATASET, scale, seed)


def placed(network: Network, scale: ImageScale) -> Network:
    """The network on the device of `scale`, its convolutions with the channels last.

    With one thread, as studies train, max pooling of 6 channels of 28 x 28 takes half of the time
    in that order, of 16 channels of 10 x 10 a tenth: `benchmarks/training.py`.
    """
    network = network.to(device_called(scale.device))
    # torch's own annotations lack this form, which its documentation names.
    return network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def adam(network: nn.Module, learning_rate: float) -> torch.optim.Adam:
    """Adam with one call of the device for all parameters."""
    return torch.optim.Adam(network.parameters(), lr=learning_rate, fused=True)


def seed_training(seed: int) -> None:
    """What is drawn from here on, weights and orders, is that of the seed."""
    seed_everything(seed)


def fewer_images(result: StudyResult) -> str:
    """Why a published accuracy may be missed: fewer training images; empty where all are used."""
    scale = cast("dict[str, int]", result.config["scale"])
    if scale["train_images"] >= TRAIN_IMAGES:
        return ""
    return (
        f"Trained on {scale['train_images']:,} images; the published networks saw {TRAIN_IMAGES:,}."
    )
