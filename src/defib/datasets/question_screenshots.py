"""Screenshots of yes/no questions: real text, drawn by Pillow onto 45 x 45 images in colour."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from defib.errors import UnknownNameError, UsageError

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

SIDE = 45
"""Height and width in pixels."""
MARGIN = 1
"""Pixels kept free between the text and the border."""
SHIFT = 2
"""Most pixels that the text lies further to the right, or lower, than the margin asks for."""
FONT_SIZE = 10
"""Height of the letters in pixels; at 11 the longest questions no longer fit."""
SPACING = 2
"""Pixels between two lines."""
DARK, LIGHT = (0, 90), (190, 256)
"""Half-open ranges of the red, green and blue values of the text and of the page."""


@final
@dataclass(frozen=True)
class Question:
    """A question with its answer."""

    text: str
    is_yes: bool


@final
@dataclass(frozen=True, eq=False)
class Screenshots:
    """`images` (count, 3, 45, 45) uint8 in [0, 255]; `answers` (count,) float32, 1 yes and 0 no."""

    images: np.ndarray
    answers: np.ndarray
    questions: tuple[str, ...]


def comparison(_: np.random.Generator) -> list[Question]:
    """All 8010 questions "Is 47 more than 82?" about two different numbers of two digits."""
    numbers = range(10, 100)
    return [Question(f"Is {a} more than {b}?", a > b) for a in numbers for b in numbers if a != b]


def arithmetic(generator: np.random.Generator) -> list[Question]:
    """9801 questions "Is 23 + 45 = 68?", one per sum; a wrong result is off by one to nine."""
    questions: list[Question] = []
    for a in range(1, 100):
        for b in range(1, 100):
            is_yes = bool(generator.integers(2))
            error = 0 if is_yes else int(generator.integers(1, 10) * generator.choice((-1, 1)))
            questions.append(Question(f"Is {a} + {b} = {a + b + error}?", is_yes))
    return questions


FAMILIES: Mapping[str, Callable[[np.random.Generator], list[Question]]] = {
    "comparison": comparison,
    "arithmetic": arithmetic,
}
"""Kinds of questions, by name."""


def screenshots(family: str, counts: Iterable[int], seed: int) -> tuple[Screenshots, ...]:
    """Sets of screenshots of these sizes; no question is in two of them, or twice in one.

    Half of each set, whose size is even, is answered yes. Equal arguments give equal pictures.
    Raises `UnknownNameError` for an unknown family, `UsageError` for sizes that it cannot give.
    """
    sizes = tuple(counts)
    if family not in FAMILIES:
        raise UnknownNameError("family of questions", family, FAMILIES, advice="")
    generator = np.random.default_rng(seed)
    parts = _parted(FAMILIES[family](generator), family, sizes, generator)
    return tuple(_drawn(part, generator) for part in parts)


def _parted(
    questions: list[Question], family: str, sizes: tuple[int, ...], generator: np.random.Generator
) -> list[list[Question]]:
    """The questions of each set, in random order."""
    parts: list[list[Question]] = [[] for _ in sizes]
    for is_yes in (True, False):
        known = [question for question in questions if question.is_yes == is_yes]
        if any(size % 2 for size in sizes) or sum(sizes) // 2 > len(known):
            raise UsageError(
                f"Expected even numbers of screenshots, {2 * len(known)} in all at most for the "
                f"family `{family}`, but got {', '.join(map(str, sizes))}. Ask for fewer."
            )
        order, start = generator.permutation(len(known)), 0
        for part, size in zip(parts, sizes, strict=True):
            part += [known[at] for at in order[start : start + size // 2]]
            start += size // 2
    return [[part[at] for at in generator.permutation(len(part))] for part in parts]


def _drawn(questions: list[Question], generator: np.random.Generator) -> Screenshots:
    font = ImageFont.load_default(FONT_SIZE)
    images = [_rendered(question.text, font, generator) for question in questions]
    return Screenshots(
        np.ascontiguousarray(np.stack(images).transpose(0, 3, 1, 2)),
        np.array([question.is_yes for question in questions], dtype=np.float32),
        tuple(question.text for question in questions),
    )


def _rendered(text: str, font: Font, generator: np.random.Generator) -> np.ndarray:
    """One screenshot (45, 45, 3): dark text on a light page, random colours and position."""
    ink = tuple(generator.integers(*DARK, size=3).tolist())
    page = tuple(generator.integers(*LIGHT, size=3).tolist())
    image = Image.new("RGB", (SIDE, SIDE), page)
    canvas = ImageDraw.Draw(image)
    lines = wrapped(text, font)
    left, top, right, bottom = canvas.multiline_textbbox((0, 0), lines, font=font, spacing=SPACING)
    free = SIDE - 2 * MARGIN - np.ceil((right - left, bottom - top)).astype(int)
    if free.min() < 0:
        raise UsageError(f"`{text}` is too long for a screenshot of {SIDE} x {SIDE} pixels.")
    x, y = (MARGIN + generator.integers(0, np.minimum(free, SHIFT) + 1)).tolist()
    canvas.multiline_text((x - left, y - top), lines, fill=ink, font=font, spacing=SPACING)
    return np.asarray(image)


def wrapped(text: str, font: Font) -> str:
    """`text` with a line break in place of each space at which the line would grow too wide."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        left, _, right, _ = font.getbbox(longer)
        if lines and right - left < SIDE - 2 * MARGIN:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines)
