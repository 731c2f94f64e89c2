"""The pictures of `input-gradients`."""

from __future__ import annotations

from dataclasses import replace

from defib.records.chart import Chart, Image, ImageGrid, ImageKind, Line, Lines, Mark
from defib.records.study import StudyResult, Table
from defib.studies.input_gradients.attacked_digits import KINDS
from defib.studies.input_gradients.claims import (
    PAPER_EPSILON,
    PROBABILITY,
    PUBLISHED_ERRORS,
    SCORE,
    SIGN,
    SIGN_AWAY,
    SIGN_WITHIN,
    SIGNS_AT_RANDOM,
)
from defib.studies.pictures import curve
from defib.studies.pixels import pixels_in

METHODS = (PROBABILITY, SCORE, SIGN)


def figures(result: StudyResult) -> tuple[Chart, ...]:
    return _images(result), _ways(result), _away(result)


def _images(result: StudyResult) -> Chart:
    seed = result.by_seed("images").distinct("seed")[0]
    images = result.by_seed("images").where(seed=seed)
    shown = result.by_seed("shown").where(seed=seed)
    label, towards = (int(shown.numbers(name)[0]) for name in ("label", "towards"))
    grid = tuple(_row(images, shown, method) for method in METHODS)
    parts = ", ".join(
        f"{method} {shown.numbers('distance', method=method)[0]:.2f}" for method in METHODS
    )
    return Chart(
        "images",
        f"A {label} becomes a {towards} for LeNet-5",
        f"A test image before, after, and the difference; each is shown where the probability of "
        f"{towards} passes 0.9, or at its highest. The image moved by: {parts}.",
        (ImageGrid(grid, ("before", "after", "difference"), METHODS, largest_difference=0.5),),
        height=640,
    )


def _row(images: Table, shown: Table, method: str) -> tuple[Image, ...]:
    before, after = pixels_in(images, "before"), pixels_in(images, method)
    difference = tuple(
        tuple(b - a for a, b in zip(*rows, strict=True)) for rows in zip(before, after, strict=True)
    )
    towards = int(shown.numbers("towards")[0])
    first, last, moved = (
        shown.numbers(name, method=method)[0]
        for name in ("probability_before", "probability_after", "distance")
    )
    return (
        Image(before, caption=f"p({towards}) = {first:.2g}"),
        Image(after, caption=f"p({towards}) = {last:.2g}"),
        Image(difference, ImageKind.DIFFERENCE, caption=f"moved {moved:.2f}"),
    )


def _ways(result: StudyResult) -> Chart:
    towards, reached = result.tables["towards"], result.tables["reached"]
    nearest = reached.numbers("nearest_image")[0]
    half = reached.numbers("distance", method=PROBABILITY)[0]

    def panel(quantity: str, label: str) -> Lines:
        lines = tuple(
            _known(curve(towards, method, "distance", quantity, method=method))
            for method in METHODS
        )
        return Lines("Euclidean distance moved (pixel range 1)", label, lines)

    probability = replace(
        panel("probability", "probability of the chosen class"),
        marks=(Mark("", 0.5),),
        limits=(-0.02, 1.02),
    )
    return Chart(
        "ways",
        "What LeNet-5 says of the chosen class as images move towards it",
        "Probability and score by distance, with intervals over the seeds. Along the probability "
        f"one half is passed at {half:.2f}; the nearest real image of the class is {nearest:.2f} "
        "away.",
        (probability, panel("score", "score of the chosen class")),
        columns=2,
        height=320,
    )


def _known(line: Line) -> Line:
    """Without the places that not every image came to."""
    kept = [at for at, value in enumerate(line.y) if value == value]
    x, y, low, high = (
        tuple(each[at] for at in kept) for each in (line.x, line.y, line.low, line.high)
    )
    return replace(line, x=x, y=y, low=low, high=high)


def _away(result: StudyResult) -> Chart:
    away = result.tables["away"]
    panels: list[Lines] = []
    for name in KINDS:
        lines = [
            curve(away, attack, "epsilon", "accuracy", network=name, attack=attack)
            for attack in (SIGN_AWAY, SIGN_WITHIN, SIGNS_AT_RANDOM)
        ]
        is_known = name in PUBLISHED_ERRORS
        x, y = ((PAPER_EPSILON,), (1 - PUBLISHED_ERRORS[name],)) if is_known else ((), ())
        lines.append(Line("published", x, y, is_dots=True))
        panels.append(
            Lines("ε (pixel range 1)", "accuracy", tuple(lines), name, limits=(-0.03, 1.03))
        )
    return Chart(
        "away",
        "Accuracy on test images that moved away from their class by ε in each pixel",
        "With intervals over the seeds. Random signs of the same size do little harm; the "
        "published errors at 0.25 are of softmax regression and of a maxout network.",
        tuple(panels),
        columns=3,
        height=320,
        shares_y=True,
    )
