"""Published images as the studies take them: a part of each set, on the training's device."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import final

import torch
from torch import Tensor
from torch.nn import functional

from defib.datasets.bundled import Split
from defib.datasets.image_split import image_split
from defib.training.in_memory import Quality, ShuffledBatches, quality


@final
@dataclass(frozen=True)
class ImageScale:
    """How many images, and of which size.

    `edge` is that of the images in pixels; an image of half the published edge has the means of
    four pixels. `device` is torch's, or `auto`: a GPU if there is one.
    """

    train_images: int
    validation_images: int
    edge: int
    device: str = "cpu"


@final
@dataclass(frozen=True, eq=False)
class Images:
    """Standardised images [N, channels, edge, edge] and their labels [N], on one device."""

    images: Tensor
    labels: Tensor
    validation_images: Tensor
    validation_labels: Tensor

    def batches(self, size: int) -> ShuffledBatches:
        """Of the training images."""
        return ShuffledBatches(self.images, self.labels, size)

    def quality(self, network: torch.nn.Module) -> Quality:
        """On the validation images."""
        return quality(network, self.validation_images, self.validation_labels)


def images_of(dataset: str, scale: ImageScale, seed: int) -> Images:
    """The images of a training: those of another seed are others, where not all are used.

    Those for validation are test images of the published set. Raises `DatasetUnavailableError`
    where it is not on this machine and cannot be fetched.
    """
    data, generator = _published(dataset), torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(data.inputs), generator=generator)[: scale.train_images]
    held_out = torch.randperm(len(data.validation_inputs), generator=generator)
    held_out = held_out[: scale.validation_images]
    device = device_called(scale.device)
    return Images(
        _sized(data.inputs[chosen], scale.edge).to(device),
        data.targets[chosen].to(device),
        _sized(data.validation_inputs[held_out], scale.edge).to(device),
        data.validation_targets[held_out].to(device),
    )


def device_called(name: str) -> str:
    """`name`, or what `auto` means on this machine."""
    if name != "auto":
        return name
    return "cuda" if torch.cuda.is_available() else "cpu"


@cache
def _published(dataset: str) -> Split:
    # Kept: each seed takes its images from the same tensors, which nobody writes to.
    return image_split(dataset)


def _sized(images: Tensor, edge: int) -> Tensor:
    published = images.shape[-1]
    return images if edge == published else functional.avg_pool2d(images, published // edge)
