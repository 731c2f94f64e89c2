"""What a network says along the way of images that move towards a class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor, nn

from defib.studies.image_sets import Images
from defib.studies.input_gradients.input_changes import class_probability, class_score, distances

HALF = 0.5
"""Probability at which an image counts as one of the class."""


@final
@dataclass(frozen=True, eq=False)
class Walk:
    """The Euclidean distance that each image moved, and what the network says of its class there.

    All are [steps, N], step 0 before anything moved; `first` [steps, height, width] is the first
    image.
    """

    moved: np.ndarray
    probability: np.ndarray
    score: np.ndarray
    first: Tensor

    def at(self, place: float) -> tuple[float, float]:
        """Mean probability and score at the distance `place`; `nan` where an image never came."""
        reach = np.maximum.accumulate(self.moved, axis=0)
        found = [
            [
                np.interp(place, reach[:, image], values[:, image], right=np.nan)
                for image in range(values.shape[1])
            ]
            for values in (self.probability, self.score)
        ]
        probability, score = (float(np.mean(each)) for each in found)
        return probability, score

    def crossing(self) -> np.ndarray:
        """The distance [N] at the first step at which the probability is a half, `nan` if none."""
        is_there = self.probability >= HALF
        first = is_there.argmax(axis=0)
        moved = self.moved[first, np.arange(self.moved.shape[1])]
        return np.where(is_there.any(axis=0), moved, np.nan)

    def step_at(self, probability: float) -> int:
        """The first step at which the first image has it; its best one where it never does."""
        own = self.probability[:, 0]
        return int((own >= probability).argmax()) if own.max() >= probability else int(own.argmax())


def walk_along(network: nn.Module, images: Tensor, classes: Tensor, way: Iterable[Tensor]) -> Walk:
    """What the network says of all images at each step of the way."""
    network.eval()
    moved, probability, score, first = [], [], [], []
    for changed in way:
        with torch.no_grad():
            scores = network(changed)
        moved.append(distances(changed, images))
        probability.append(class_probability(scores, classes))
        score.append(class_score(scores, classes))
        first.append(changed[0, 0])
    return Walk(_stacked(moved), _stacked(probability), _stacked(score), torch.stack(first).cpu())


def nearest_distances(images: Tensor, classes: Tensor, data: Images) -> np.ndarray:
    """From each image to the nearest training image of the class that it goes to."""
    every = torch.cdist(images.flatten(1), data.images.flatten(1))
    is_other = classes[:, None] != data.labels[None]
    return every.masked_fill(is_other, torch.inf).min(dim=1).values.double().cpu().numpy()


def _stacked(values: Sequence[Tensor]) -> np.ndarray:
    return torch.stack(list(values)).double().cpu().numpy()
