"""Scenes of handwritten digits on a noisy page, with a label for each pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor
from torch.nn import functional

BACKGROUND = 0
"""Its label; a pixel of the digit d has the label d + 1."""


@final
@dataclass(frozen=True)
class SceneLayout:
    """`digits` stand side by side, each anywhere in a box of its own of `height` and `width`.

    The strokes are made bold by `boldness` pixels on every side; `noise` is the standard deviation
    of what is added to every pixel, in the unit of the images.
    """

    digits: int
    height: int
    width: int
    boldness: int
    noise: float


@final
@dataclass(frozen=True, eq=False)
class Scenes:
    """`images` [N, 1, height, width] and the label of each pixel [N, height, width]."""

    images: Tensor
    labels: Tensor


def digit_scenes(
    images: Tensor, labels: Tensor, layout: SceneLayout, generator: torch.Generator
) -> Scenes:
    """One scene for each `layout.digits` images [N, 1, height, width], each used once.

    A pixel belongs to a digit where it is nearer to the ink than to the page in brightness.
    """
    count = len(images) // layout.digits
    size = (count, layout.height, layout.digits * layout.width)
    scenes = torch.full(size, float(images.min()))
    marked = torch.full(size, BACKGROUND)
    at = torch.arange(count)[:, None, None]
    for box in range(layout.digits):
        chosen = slice(box * count, (box + 1) * count)
        digits = bold(images[chosen], layout.boldness)[:, 0]
        rows = _places(count, digits.shape[1], layout.height, generator)
        columns = _places(count, digits.shape[2], layout.width, generator) + box * layout.width
        place = (at, rows[:, :, None], columns[:, None, :])
        scenes[place] = digits
        numbers = (labels[chosen] + 1)[:, None, None]
        marked[place] = torch.where(is_ink(digits, images), numbers, BACKGROUND)
    scenes += layout.noise * torch.randn(scenes.shape, generator=generator)
    return Scenes(scenes[:, None], marked)


def bold(images: Tensor, by: int) -> Tensor:
    """Each pixel as bright as the brightest within `by` pixels of it."""
    return functional.max_pool2d(images, 2 * by + 1, stride=1, padding=by)


def is_ink(digits: Tensor, images: Tensor) -> Tensor:
    """Whether each pixel of `digits` is above the middle between the page and the ink of all."""
    return digits > (images.min() + images.max()) / 2


def _places(count: int, length: int, room: int, generator: torch.Generator) -> Tensor:
    """[count, length]: neighbouring rows, or columns, of a digit in each scene."""
    first = torch.randint(room - length + 1, (count,), generator=generator)
    return first[:, None] + torch.arange(length)
