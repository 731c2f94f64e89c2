"""Images ready for a network."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from defib.datasets.bundled import Split
from defib.datasets.catalogue import published_set
from defib.datasets.image_arrays import ImageArrays
from defib.datasets.images import Say, load_images

_LARGEST = 255.0


def image_split(name: str, *, say: Say | None = None) -> Split:
    """The published data set `name`; its test images are the validation.

    Images are float32 (N, channels, height, width), standardised: over the training images
    each channel has mean 0 and standard deviation 1. Labels are int64. Raises what
    `published_set` and `load_images` raise.
    """
    return standardized(load_images(published_set(name), say=say))


def standardized(arrays: ImageArrays) -> Split:
    """Both parts with the mean and the deviation of the training images taken out by channel."""
    mean, deviation = channel_statistics(arrays.train_images)
    return Split(
        _images(arrays.train_images, mean, deviation),
        torch.from_numpy(arrays.train_labels.astype(np.int64)),
        _images(arrays.test_images, mean, deviation),
        torch.from_numpy(arrays.test_labels.astype(np.int64)),
    )


def channel_statistics(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each channel, in units of the largest value, 255."""
    # From counts of the 256 values: exact, and without a copy in floating point.
    counts = np.stack([np.bincount(each.ravel(), minlength=256) for each in _by_channel(images)])
    values = np.arange(256) / _LARGEST
    total = counts.sum(axis=1)
    mean = counts @ values / total
    return mean, np.sqrt(counts @ values**2 / total - mean**2)


def _by_channel(images: np.ndarray) -> list[np.ndarray]:
    return [np.ascontiguousarray(images[:, channel]) for channel in range(images.shape[1])]


def _images(images: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> Tensor:
    scaled = torch.from_numpy(images.astype(np.float32)).div_(_LARGEST)
    shape = (1, -1, 1, 1)
    center = torch.from_numpy(mean.astype(np.float32)).view(shape)
    return scaled.sub_(center).div_(torch.from_numpy(deviation.astype(np.float32)).view(shape))
