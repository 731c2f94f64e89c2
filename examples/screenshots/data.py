"""Screenshots of yes/no questions: real text, drawn by Pillow onto 45 x 45 RGB images.

    python data.py --questions comparison --save sheet.png

draws a sheet of examples. `training_and_validation` makes the arrays the training scripts read.
"""

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

SIDE = 45
"""Height and width of a screenshot, in pixels."""
MARGIN = 1
"""Pixels kept free between the text and the border."""
SHIFT = 2
"""Most pixels that the text lies further to the right, or lower, than the margin asks for."""
FONT_SIZE = 10
"""Height of the letters in pixels; at 11 the longest questions no longer fit."""
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
        ("freezer", "glacier", "cellar", "iceberg", "igloo", "fridge", "icicle", "sorbet"),
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


def wrap(text: str, font: Font) -> str:
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


def render(text: str, font: Font, generator: np.random.Generator) -> np.ndarray:
    """One screenshot (45, 45, 3) uint8: dark text on a light page, random colours and position."""
    ink = tuple(generator.integers(*DARK, size=3).tolist())
    page = tuple(generator.integers(*LIGHT, size=3).tolist())
    image = Image.new("RGB", (SIDE, SIDE), page)
    canvas = ImageDraw.Draw(image)
    lines = wrap(text, font)
    left, top, right, bottom = canvas.multiline_textbbox((0, 0), lines, font=font, spacing=2)
    free = SIDE - 2 * MARGIN - np.ceil((right - left, bottom - top)).astype(int)
    if free.min() < 0:
        raise ValueError(f"{text!r} is too long for a screenshot of {SIDE} x {SIDE} pixels.")
    x, y = (MARGIN + generator.integers(0, np.minimum(free, SHIFT) + 1)).tolist()
    canvas.multiline_text((x - left, y - top), lines, fill=ink, font=font, spacing=2)
    return np.asarray(image)


def draw_all(questions: Iterable[Question], generator: np.random.Generator) -> Screenshots:
    """One screenshot per question, in their order."""
    questions = tuple(questions)
    font = ImageFont.load_default(FONT_SIZE)
    return Screenshots(
        images=np.stack([render(question.text, font, generator) for question in questions]),
        answers=np.array([question.is_yes for question in questions], dtype=np.float32),
        questions=tuple(question.text for question in questions),
    )


def training_and_validation(
    family: str, training_count: int, validation_count: int, *, seed: int
) -> tuple[Screenshots, Screenshots]:
    """Two sets of screenshots in random order; no question is in both, or twice in one.

    Both counts are even: half of each set is answered yes. Equal arguments give equal arrays.
    """
    if training_count % 2 or validation_count % 2:
        raise ValueError(f"Expected even counts, got {training_count} and {validation_count}.")
    generator = np.random.default_rng(seed)
    questions = FAMILIES[family](generator)
    training: list[Question] = []
    validation: list[Question] = []
    for is_yes in (True, False):
        candidates = [question for question in questions if question.is_yes == is_yes]
        wanted = (training_count + validation_count) // 2
        if wanted > len(candidates):
            raise ValueError(
                f"{training_count} + {validation_count} screenshots need {wanted} questions of "
                f"each answer, but {family!r} has {len(candidates)}. Ask for fewer."
            )
        order = generator.permutation(len(candidates))
        training += [candidates[i] for i in order[: training_count // 2]]
        validation += [candidates[i] for i in order[training_count // 2 : wanted]]
    generator.shuffle(training)
    generator.shuffle(validation)
    return draw_all(training, generator), draw_all(validation, generator)


def contact_sheet(images: np.ndarray, columns: int) -> Image.Image:
    """All (count, 45, 45, 3) images in one picture, `columns` of them in each row."""
    rows = [np.hstack(list(images[i : i + columns])) for i in range(0, len(images), columns)]
    return Image.fromarray(np.vstack(rows))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Draw a sheet of 40 screenshots.")
    parser.add_argument("--questions", choices=FAMILIES, default="comparison")
    parser.add_argument("--save", type=Path, required=True, help="picture to write, such as a.png")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    screenshots, _ = training_and_validation(options.questions, 40, 2, seed=options.seed)
    contact_sheet(screenshots.images, columns=8).save(options.save)


if __name__ == "__main__":
    main()
