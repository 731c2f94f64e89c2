"""How far must an image move along a network's derivative until it is another class?

Networks learn MNIST from pixels in [0, 1]. Afterwards the images change and the network does not.
Towards a chosen class (the next digit) a test image climbs the derivative of that class's
probability, or of its score before softmax, in steps of a fixed Euclidean length; or it takes one
step of ε in each pixel along the sign of the derivative of the probability. All stay within
[0, 1]. The distance that an image moved is set against that to the nearest real training image
of the chosen class. Images that the network takes for that class from the start are left out.
The image that is shown is the one in the middle by the distance it needs.

Away from the true class the sign method takes one step of ε along the derivative of the loss, with
pixels free to leave [0, 1] as in the paper, and kept within; beside it random signs. For a
logistic regression of 3 against 7 the worst case within ±ε has a closed form.

Quick: 5 epochs on 4,000 images, 400 test images. Full: 15 epochs on 60,000 images, 2,000 test
images. The published numbers are of maxout networks where here ReLU networks of that size stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import final

import numpy as np
import torch
from torch import Tensor, nn

from defib.records.study import Table
from defib.studies.base import Study
from defib.studies.image_sets import Images, ImageScale
from defib.studies.input_gradients.attacked_digits import (
    DATASET,
    KINDS,
    LENET,
    Trained,
    digits_in_pixels,
    linear_case,
    trained_under_watch,
)
from defib.studies.input_gradients.claims import (
    PAPER_EPSILON,
    PROBABILITY,
    SCORE,
    SIGN,
    SIGN_AWAY,
    SIGN_WITHIN,
    SIGNS_AT_RANDOM,
    claims,
)
from defib.studies.input_gradients.figures import figures
from defib.studies.input_gradients.input_changes import (
    ascent,
    class_loss,
    class_probability,
    class_score,
    input_gradient,
    sign_step,
)
from defib.studies.input_gradients.input_walks import Walk, nearest_distances, walk_along
from defib.studies.pixels import pixel_rows, pixel_table
from defib.studies.silence import watched_table
from defib.studies.tables import table
from defib.training.in_memory import scores_of

STEP = 0.1
"""Euclidean length of a step of the ascent; a pixel's whole range is 1."""
SIGN_STEPS = tuple(0.01 * step for step in range(31))
"""ε of the single step towards a class."""
PLACES = tuple(0.25 * place for place in range(21))
"""Distances at which the methods are compared."""
EPSILONS = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
"""Of the sign method away from the true class; the paper's is 0.25."""
SHOWN_AT = 0.9
"""Probability from which on a changed image is shown."""


@final
@dataclass(frozen=True)
class Config:
    """`targeted` test images climb `steps` steps; all of the scale's are led astray."""

    seeds: int
    scale: ImageScale
    epochs: int
    targeted: int
    steps: int = 150
    corners: int = 100


QUICK = Config(seeds=3, scale=ImageScale(4000, 400, 28), epochs=5, targeted=100)
FULL = Config(seeds=5, scale=ImageScale(60_000, 2000, 28, "auto"), epochs=15, targeted=1000)


def measure(config: Config, seed: int) -> Mapping[str, Table]:
    data = digits_in_pixels(config.scale, seed)
    trained = {name: trained_under_watch(name, data, config.epochs, seed) for name in KINDS}
    away = [row for name, each in trained.items() for row in _away_rows(name, each, data)]
    linear = linear_case(data, 4 * config.epochs, PAPER_EPSILON, config.corners, seed)
    return {
        **_towards(trained[LENET].network, data, config),
        "away": table("network attack epsilon", "accuracy", away),
        "linear": table(
            "epsilon",
            "clean_error error gap worse corners",
            [
                (
                    PAPER_EPSILON,
                    linear.clean_error,
                    linear.error,
                    linear.gap,
                    linear.worse,
                    linear.corners,
                )
            ],
        ),
        "watched": watched_table((name, each.rules) for name, each in trained.items()),
    }


def _towards(network: nn.Module, data: Images, config: Config) -> Mapping[str, Table]:
    """The tables of the way towards a class."""
    wanted = (data.validation_labels + 1) % 10
    said = scores_of(network, data.validation_images).argmax(dim=1)
    chosen = (said != wanted).nonzero()[: config.targeted, 0]
    images, classes = data.validation_images[chosen], wanted[chosen]
    walks = _walks(network, images, classes, config.steps)
    nearest = nearest_distances(images, classes, data)
    # Half of the images are further away from the class, half nearer.
    typical = int(np.argsort(walks[PROBABILITY].crossing())[len(images) // 2])
    one = slice(typical, typical + 1)
    shown = _walks(network, images[one], classes[one], config.steps)
    label = int(data.validation_labels[chosen[typical]])
    places = [(name, each, *walk.at(each)) for name, walk in walks.items() for each in PLACES]
    return {
        "towards": table("method distance", "probability score", places),
        "reached": table(
            "method",
            "probability_before probability_after share distance nearest_image",
            [_reached(name, walk, nearest) for name, walk in walks.items()],
        ),
        "images": pixel_table(_image_rows(shown)),
        "shown": table(
            "method",
            "label towards probability_before probability_after distance",
            [(name, label, int(classes[typical]), *_shown(walk)) for name, walk in shown.items()],
        ),
    }


def _walks(network: nn.Module, images: Tensor, classes: Tensor, steps: int) -> dict[str, Walk]:
    ways: dict[str, Iterable[Tensor]] = {
        name: islice(ascent(network, images, classes, objective, STEP), steps + 1)
        for name, objective in ((PROBABILITY, class_probability), (SCORE, class_score))
    }
    signs = input_gradient(network, images, classes, class_probability).sign()
    ways[SIGN] = ((images + epsilon * signs).clamp(0, 1) for epsilon in SIGN_STEPS)
    return {name: walk_along(network, images, classes, way) for name, way in ways.items()}


def _reached(name: str, walk: Walk, nearest: np.ndarray) -> tuple[object, ...]:
    """Where the images came to, and the distance at which half the certainty was reached."""
    crossing = walk.crossing()
    came = ~np.isnan(crossing)
    return (
        name,
        walk.probability[0].mean(),
        walk.probability[-1].mean(),
        came.mean(),
        crossing[came].mean() if came.any() else np.nan,
        nearest.mean(),
    )


def _image_rows(walks: Mapping[str, Walk]) -> list[tuple[str, int, str]]:
    """The image, and as each method changed it."""
    rows = pixel_rows("before", next(iter(walks.values())).first[0])
    for name, walk in walks.items():
        rows += pixel_rows(name, walk.first[walk.step_at(SHOWN_AT)])
    return rows


def _shown(walk: Walk) -> tuple[float, float, float]:
    """Of the image that is shown: probability before and after, and how far it moved."""
    step = walk.step_at(SHOWN_AT)
    before, after = (float(walk.probability[at, 0]) for at in (0, step))
    return before, after, float(walk.moved[step, 0])


def _away_rows(name: str, trained: Trained, data: Images) -> list[tuple[object, ...]]:
    """The accuracy on test images that moved away from their class."""
    network, images, labels = trained.network, data.validation_images, data.validation_labels
    coins = torch.randint(2, images.shape, generator=torch.Generator().manual_seed(0))
    at_random = (2.0 * coins - 1.0).to(images.device)
    rows: list[tuple[object, ...]] = []
    for epsilon in EPSILONS:
        away = sign_step(network, images, labels, class_loss, epsilon)
        changed = {
            SIGN_AWAY: away,
            SIGN_WITHIN: away.clamp(0, 1),
            SIGNS_AT_RANDOM: images + epsilon * at_random,
        }
        for attack, each in changed.items():
            is_right = scores_of(network, each).argmax(dim=1) == labels
            rows.append((name, attack, epsilon, is_right.double().mean().item()))
    return rows


STUDY = Study(("B1",), QUICK, FULL, measure, claims, figures, dataset=DATASET)
