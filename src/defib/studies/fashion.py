"""MiniGoogLeNet on FashionMNIST: what the studies of learning rates and batch sizes train."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from defib.datasets.bundled import Split
from defib.datasets.image_split import image_split
from defib.networks.mini_googlenet import mini_googlenet
from defib.training.seeding import seed_everything

DATASET = "fashion-mnist"
BATCH_SIZE = 64
"""Of the exercise, and of the published training."""
MOMENTUM = 0.9
"""As in the published training."""
_EDGE = 28
_AT_ONCE = 1000
"""Images, where nothing is trained; bounds the memory."""


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


SMALL = Scale(2000, 1000, 14, 8, "cpu")
PUBLISHED = Scale(60_000, 10_000, _EDGE, 1, "auto")


@final
@dataclass(frozen=True, eq=False)
class Garments:
    """Standardised images and their labels, on the device of the training."""

    images: Tensor
    labels: Tensor
    validation_images: Tensor
    validation_labels: Tensor


@final
@dataclass(frozen=True)
class Quality:
    """Mean cross-entropy in nats, and the share that is classified rightly."""

    loss: float
    accuracy: float


@final
class Batches:
    """Pairs of images and labels, in a new order for each `for` loop.

    The order comes from torch's global random state; a rest smaller than `size` is left out.
    """

    def __init__(self, garments: Garments, size: int) -> None:
        self._garments = garments
        self._size = size

    def __len__(self) -> int:
        return len(self._garments.images) // self._size

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        images, labels = self._garments.images, self._garments.labels
        order = torch.randperm(len(images)).to(images.device)
        for indices in order.split(self._size)[: len(self)]:
            yield images[indices], labels[indices]


def device_of(scale: Scale) -> str:
    """`scale.device`, or what `auto` means on this machine."""
    if scale.device != "auto":
        return scale.device
    return "cuda" if torch.cuda.is_available() else "cpu"


def garments(scale: Scale, seed: int) -> Garments:
    """The images of a training: those of another seed are others, where not all are used.

    Raises `DatasetUnavailableError` where they are not on this machine and cannot be fetched.
    """
    data, generator = _published(), torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(data.inputs), generator=generator)[: scale.train_images]
    held_out = torch.randperm(len(data.validation_inputs), generator=generator)
    held_out = held_out[: scale.validation_images]
    device = device_of(scale)
    return Garments(
        _sized(data.inputs[chosen], scale.edge).to(device),
        data.targets[chosen].to(device),
        _sized(data.validation_inputs[held_out], scale.edge).to(device),
        data.validation_targets[held_out].to(device),
    )


def seeded_network(scale: Scale, seed: int) -> nn.Sequential:
    """The network in its first state; sets the global random state as well."""
    seed_everything(seed)
    network = mini_googlenet(
        channels=1,
        downsampling_padding=1,
        narrowing=scale.narrowing,
        last_size=scale.edge // 4 + bool(scale.edge % 4),
    )
    return network.to(device_of(scale))


def descent(network: nn.Module, learning_rate: float) -> torch.optim.SGD:
    """Gradient descent with the momentum of the published training."""
    return torch.optim.SGD(network.parameters(), lr=learning_rate, momentum=MOMENTUM)


def quality(network: nn.Module, images: Tensor, labels: Tensor) -> Quality:
    """Of the network in evaluation mode; it is left in training mode."""
    network.eval()
    with torch.no_grad():
        scores = torch.cat([network(each) for each in images.split(_AT_ONCE)])
    network.train()
    accuracy = (scores.argmax(dim=1) == labels).double().mean()
    return Quality(float(functional.cross_entropy(scores, labels)), float(accuracy))


@cache
def _published() -> Split:
    # Kept: each seed takes its images from the same tensors, which nobody writes to.
    return image_split(DATASET)


def _sized(images: Tensor, edge: int) -> Tensor:
    return images if edge == _EDGE else functional.avg_pool2d(images, _EDGE // edge)
