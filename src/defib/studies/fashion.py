"""MiniGoogLeNet on FashionMNIST: what the studies of learning rates and batch sizes train."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import nn

from defib.networks.mini_googlenet import mini_googlenet
from defib.studies.image_sets import Images, ImageScale, device_called, images_of
from defib.training.seeding import seed_everything

DATASET = "fashion-mnist"
BATCH_SIZE = 64
"""Of the exercise, and of the published training."""
MOMENTUM = 0.9
"""As in the published training."""


@final
@dataclass(frozen=True)
class Scale:
    """How large a training is.

    `edge` is that of the images in pixels: 28, or 14, whose pixels are means of four.
    `narrowing` divides the channels of every layer. `device` is torch's, or `auto`: a GPU if
    there is one.
    """

    train_images: int
    validation_images: int
    edge: int
    narrowing: int
    device: str

    @property
    def of_images(self) -> ImageScale:
        return ImageScale(self.train_images, self.validation_images, self.edge, self.device)


SMALL = Scale(2000, 1000, 14, 8, "cpu")
PUBLISHED = Scale(60_000, 10_000, 28, 1, "auto")


def garments(scale: Scale, seed: int) -> Images:
    """The images of a training, by `images_of`."""
    return images_of(DATASET, scale.of_images, seed)


def seeded_network(scale: Scale, seed: int) -> nn.Sequential:
    """The network in its first state; sets the global random state as well."""
    seed_everything(seed)
    network = mini_googlenet(
        channels=1,
        downsampling_padding=1,
        narrowing=scale.narrowing,
        last_size=scale.edge // 4 + bool(scale.edge % 4),
    )
    return network.to(device_called(scale.device))


def descent(network: nn.Module, learning_rate: float) -> torch.optim.SGD:
    """Gradient descent with the momentum of the published training."""
    return torch.optim.SGD(network.parameters(), lr=learning_rate, momentum=MOMENTUM)
