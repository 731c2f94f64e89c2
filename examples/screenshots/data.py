"""Screenshots of yes/no questions: real text, drawn by Pillow onto 45 x 45 RGB images.

    python data.py --questions comparison --save sheet.png

draws a sheet of examples. `training_and_validation` makes the arrays the training scripts read.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIDE = 45
"""Height and width of a screenshot, in pixels."""
MAXSHIFT = 2
MARGIN = 1
"""Pixels kept free between the text and the border."""
FONT_SIZES = (10,)
"""Heights in pixels at which the longest question still fits."""
DARK = (0, 90)
LIGHT = (190, 256)
"""Half-open ranges of the red, green and blue values of the text and of the page."""

OPPOSITES = {
    ("round", "square"): (
        ("ball", "coin", "wheel", "globe", "marble", "plate", "ring", "button", "pearl", "bubble"),
        ("box", "tile", "cube", "napkin", "stamp", "crate", "window", "cushion", "canvas", "patio"),
    ),
    ("hot", "cold"): (
        ("fire", "oven", "sauna", "volcano", "flame", "furnace", "desert", "kettle", "toaster"),
        ("freezer", "glacier", "winter", "iceberg", "igloo", "fridge", "icicle", "sorbet", "pole"),
    ),
    ("soft", "hard"): (
        ("pillow", "feather", "blanket", "sponge", "towel", "cloud", "kitten", "muffin", "scarf"),
        ("stone", "brick", "hammer", "anvil", "diamond", "rock", "skull", "helmet", "pebble"),
    ),
    ("fast", "slow"): (
        ("rocket", "jet", "cheetah", "falcon", "bullet", "racer", "train", "hare", "comet"),
        ("snail", "turtle", "sloth", "slug", "worm", "tractor", "barge", "koala", "donkey"),
    ),
    ("heavy", "light"): (
        ("truck", "whale", "tank", "piano", "ship", "boulder", "bridge", "crane", "statue"),
        ("leaf", "straw", "petal", "balloon", "pin", "moth", "crumb", "thread", "needle"),
    ),
    ("alive", "lifeless"): (
        ("dog", "cat", "tree", "bird", "fish", "horse", "frog", "rose", "spider", "mouse"),
        ("chair", "lamp", "shoe", "spoon", "clock", "pen", "book", "key", "bell", "phone"),
    ),
    ("sweet", "salty"): (
        ("cookie", "mango", "candy", "cake", "peach", "syrup", "donut", "melon", "fig"),
        ("pretzel", "chip", "pickle", "olive", "anchovy", "sea", "ham", "herring", "cracker"),
    ),
}
"""Pairs of opposite properties, with things that have the first and things that have the second."""


class Question(NamedTuple):
    text: str
    is_yes: bool


@dataclass(frozen=True)
class Screenshots:
    """`images` (count, 45, 45, 3) uint8 in [0, 255]; `answers` (count,) float32, 1 yes and 0 no."""

    images: np.ndarray
    answers: np.ndarray
    questions: tuple[str, ...]


def comparison(_: np.random.Generator) -> list[Question]:
    """All 8010 questions "Is 47 more than 82?" about two different numbers of two digits."""
    numbers = range(10, 100)
    return [Question(f"Is {a} more than {b}?", a > b) for a in numbers for b in numbers if a != b]


def arithmetic(generator: np.random.Generator) -> list[Question]:
    """9801 questions "Is 23 + 45 = 68?", one per sum; a wrong result is off by one to nine."""
    questions = []
    for a in range(1, 100):
        for b in range(1, 100):
            is_yes = bool(generator.integers(2))
            error = 0 if is_yes else generator.integers(1, 10) * generator.choice((-1, 1))
            questions.append(Question(f"Is {a} + {b} = {a + b + error}?", is_yes))
    return questions


def knowledge(_: np.random.Generator) -> list[Question]:
    """The questions "Is a wheel round?" that `OPPOSITES` answers, as many yes as no."""
    questions = []
    for properties, groups in OPPOSITES.items():
        for asked, name in enumerate(properties):
            for actual, things in enumerate(groups):
                for thing in things:
                    article = "an" if thing[0] in "aeiou" else "a"
                    questions.append(Question(f"Is {article} {thing} {name}?", asked == actual))
    return questions


FAMILIES: Mapping[str, Callable[[np.random.Generator], list[Question]]] = {
    "comparison": comparison,
    "arithmetic": arithmetic,
    "knowledge": knowledge,
}


def wrap(text: str, font: ImageFont.FreeTypeFont) -> str:
    """`text` with line breaks in place of the spaces at which a screenshot's width is used up."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        left, _, right, _ = font.getbbox(longer)
        if lines and right - left <= SIDE - 2 * MARGIN:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines)


def render(text: str, font: ImageFont.FreeTypeFont, generator: np.random.Generator) -> np.ndarray:
    """One screenshot (45, 45, 3) uint8: dark text on a light page, random colours and position."""
    ink = tuple(generator.integers(*DARK, size=3).tolist())
    page = tuple(generator.integers(*LIGHT, size=3).tolist())
    image = Image.new("RGB", (SIDE, SIDE), page)
    canvas = ImageDraw.Draw(image)
    wrapped = wrap(text, font)
    left, top, right, bottom = canvas.multiline_textbbox((0, 0), wrapped, font=font, spacing=2)
    free = SIDE - 2 * MARGIN - np.ceil((right - left, bottom - top)).astype(int)
    if free.min() < 0:
        raise ValueError(f"{text!r} is too long for a screenshot of {SIDE} x {SIDE} pixels.")
    x, y = MARGIN + generator.integers(0, np.minimum(free, MAXSHIFT) + 1)
    canvas.multiline_text((x - left, y - top), wrapped, fill=ink, font=font, spacing=2)
    return np.asarray(image)


def draw_all(questions: Sequence[Question], generator: np.random.Generator) -> Screenshots:
    fonts = [ImageFont.load_default(size) for size in FONT_SIZES]
    images = [render(q.text, fonts[generator.integers(len(fonts))], generator) for q in questions]
    return Screenshots(
        images=np.stack(images),
        answers=np.array([question.is_yes for question in questions], dtype=np.float32),
        questions=tuple(question.text for question in questions),
    )


def training_and_validation(
    family: str, training_count: int, validation_count: int, *, seed: int
) -> tuple[Screenshots, Screenshots]:
    """Two sets of screenshots, in random order, no question being in both.

    Counts are even: half of each set is answered yes. Equal arguments give equal arrays.
    """
    generator = np.random.default_rng(seed)
    questions = FAMILIES[family](generator)
    generator.shuffle(questions)
    training: list[Question] = []
    validation: list[Question] = []
    for answer in (True, False):
        answered = [question for question in questions if question.is_yes == answer]
        wanted = (training_count + validation_count) // 2
        if len(answered) < wanted:
            raise ValueError(
                f"{wanted} different questions answered {answer} were asked for but the family "
                f"{family!r} has {len(answered)}. Ask for fewer, or for another family."
            )
        training += answered[: training_count // 2]
        validation += answered[training_count // 2 : wanted]
    generator.shuffle(training)
    generator.shuffle(validation)
    return draw_all(training, generator), draw_all(validation, generator)
