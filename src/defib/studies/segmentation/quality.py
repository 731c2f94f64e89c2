"""How well the pixels of images are labelled: as a whole, and near the boundaries."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def confusion(guesses: Tensor, labels: Tensor, classes: int) -> Tensor:
    """[classes, classes] counts n_ij of pixels of class i that are called j."""
    pairs = classes * labels.flatten() + guesses.flatten()
    return torch.bincount(pairs, minlength=classes**2).view(classes, classes)


def intersections_over_unions(counts: Tensor) -> Tensor:
    """[classes]: n_ii / (t_i + Σ_j n_ji − n_ii), where t_i is the number of pixels of class i.

    `nan` for a class that neither occurs nor is said to occur. Its mean is the mean IU of Long,
    Shelhamer, Darrell (2015), section 5.
    """
    right = counts.diagonal().double()
    return right / (counts.sum(dim=1) + counts.sum(dim=0) - right)


def mean_iou(counts: Tensor) -> float:
    """Over the classes that occur, in [0, 1]."""
    return float(intersections_over_unions(counts).nanmean())


def near_boundary(labels: Tensor, distance: int) -> Tensor:
    """Whether another label lies within `distance` pixels of each pixel, diagonals included.

    The band along the boundaries in which Krähenbühl and Koltun (2011), arXiv:1210.5644, measure
    the accuracy (their trimap). `labels` is [N, height, width].
    """
    numbers = labels[:, None].float()
    size = 2 * distance + 1
    highest = functional.max_pool2d(numbers, size, stride=1, padding=distance)
    lowest = -functional.max_pool2d(-numbers, size, stride=1, padding=distance)
    return (highest != lowest)[:, 0]
