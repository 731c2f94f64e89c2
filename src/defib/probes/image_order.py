"""Whether the pixels of images lie where the network takes them to be."""

from __future__ import annotations

from typing import ClassVar, final

import torch
from torch import Tensor

from defib.analysis.nested_tensors import tensors_in
from defib.metrics.neighbour_difference import neighbour_difference
from defib.probes.base import Probe
from defib.probes.measurements import CannotMeasure, Measurements
from defib.probes.setup import Setup

MOST_IMAGES = 64
SMALLEST = 8
"""Pixels along each side: with fewer there are hardly any neighbours."""


@final
class ImageOrder(Probe):
    """`neighbour_difference`: mean difference of neighbouring pixels (unit of the pixels).

    `given`: of the network's first images (batch, channels, height, width). `reordered`: of the
    same numbers in the same order, read as (batch, height, width, channels), as files and NumPy
    have them.
    """

    measures = ("neighbour_difference",)
    order: ClassVar[int] = 6

    def measure(self, setup: Setup, into: Measurements) -> None:
        given = tensors_in((setup.arguments, dict(setup.keywords)))
        images = next((each for each in given if _are_images(each)), None)
        if images is None:
            raise CannotMeasure("the inputs are no images of several channels")
        images = images.detach()[:MOST_IMAGES].float()
        count, channels, height, width = images.shape
        reordered = images.reshape(count, height, width, channels).permute(0, 3, 1, 2)
        with torch.no_grad():
            into.single.add("neighbour_difference", "given", neighbour_difference(images))
            into.single.add("neighbour_difference", "reordered", neighbour_difference(reordered))


def _are_images(values: Tensor) -> bool:
    is_large = values.ndim == 4 and min(values.shape[2:]) >= SMALLEST
    return is_large and values.is_floating_point() and values.shape[1] > 1
