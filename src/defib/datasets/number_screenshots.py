"""Screenshots of questions of the kind "Is 7 in 471?", drawn in colour on 45 x 45 pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

SIDE = 45
"""Pixels."""
ASKED = "7"
_FONT_SIZE = 14
_TOP, _MARGIN = 3, 1
_INK, _PAGE = (0, 90), (190, 256)
"""Half-open ranges of red, green and blue."""


@final
@dataclass(frozen=True, eq=False)
class NumberScreenshots:
    """`images` [N, 3, 45, 45] float32 with mean 0 and deviation about 1; `answers` [N], 1 yes."""

    images: Tensor
    answers: Tensor


def number_screenshots(
    train: int, held_out: int, *, seed: int
) -> tuple[NumberScreenshots, NumberScreenshots]:
    """Two sets, half of each answered yes; no number is asked about in both.

    The question stands in the first line, a number of three digits anywhere in a line below. A
    fifth of all numbers is kept for the second set; a number may come back in another place and
    in other colours.
    """
    generator = np.random.default_rng(seed)
    numbers = [f"{number:03d}" for number in generator.permutation(1000)]
    return _drawn(numbers[200:], train, generator), _drawn(numbers[:200], held_out, generator)


def _drawn(numbers: list[str], count: int, generator: np.random.Generator) -> NumberScreenshots:
    by_answer = [
        [each for each in numbers if (ASKED in each) == is_yes] for is_yes in (False, True)
    ]
    answers = generator.permutation(np.arange(count) % 2)
    font = ImageFont.load_default(_FONT_SIZE)
    images = [
        _screenshot(str(generator.choice(by_answer[each])), font, generator) for each in answers
    ]
    pixels = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255
    # Of the page and of the ink together: about the mean and the deviation of all pixels.
    return NumberScreenshots((pixels - 0.8) / 0.2, torch.from_numpy(answers))


def _screenshot(
    number: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, generator: np.random.Generator
) -> np.ndarray:
    ink, page = (tuple(generator.integers(*each, size=3).tolist()) for each in (_INK, _PAGE))
    image = Image.new("RGB", (SIDE, SIDE), page)
    canvas = ImageDraw.Draw(image)
    canvas.text((_MARGIN, _TOP - 2), f"Is {ASKED} in", fill=ink, font=font)
    left, top, right, bottom = font.getbbox(number)
    free = SIDE - _MARGIN - math.ceil(right - left), SIDE - _MARGIN - math.ceil(bottom - top)
    x = int(generator.integers(_MARGIN, free[0] + 1))
    y = int(generator.integers(_TOP + _FONT_SIZE, free[1] + 1))
    canvas.text((x - left, y - top), number, fill=ink, font=font)
    return np.asarray(image)
