"""Small data sets in the plane, as the TensorFlow Playground draws them.

Source: github.com/tensorflow/playground, `src/dataset.ts`, without added noise. Coordinates are
divided by 5, so that they lie in [-1, 1].
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

RADIUS = 5.0
"""Of the playground's picture."""


@final
@dataclass(frozen=True, eq=False)
class PlanePoints:
    """Points (count, 2) float32 and their classes (count,), 0 or 1."""

    inputs: np.ndarray
    classes: np.ndarray

    @property
    def signs(self) -> np.ndarray:
        """The classes as -1 and 1, float32."""
        return (2 * self.classes - 1).astype(np.float32)


def circle(count: int, generator: np.random.Generator) -> PlanePoints:
    """Class 1 within half of the radius, class 0 in a ring from 0.7 of it to the whole."""
    classes = np.arange(count) % 2
    inner = generator.uniform(0, 0.5, count)
    outer = generator.uniform(0.7, 1, count)
    radius = np.where(classes == 1, inner, outer)
    angle = generator.uniform(0, 2 * math.pi, count)
    return _points(radius * np.sin(angle), radius * np.cos(angle), classes)


def exclusive_or(count: int, generator: np.random.Generator) -> PlanePoints:
    """Class 1 where both coordinates have one sign; a gap of 0.06 on either side of the axes."""
    gap = 0.3 / RADIUS
    x, y = generator.uniform(-1, 1, (2, count))
    x, y = x + np.copysign(gap, x), y + np.copysign(gap, y)
    return _points(x, y, (x * y >= 0).astype(int))


def two_gaussians(count: int, generator: np.random.Generator) -> PlanePoints:
    """Class 1 around (0.4, 0.4), class 0 around (-0.4, -0.4), standard deviation 0.14 (√0.5/5)."""
    classes = np.arange(count) % 2
    center = np.where(classes == 1, 0.4, -0.4)
    x, y = center + generator.normal(0, math.sqrt(0.5) / RADIUS, (2, count))
    return _points(x, y, classes)


DrawPoints = Callable[[int, np.random.Generator], PlanePoints]


def _points(x: np.ndarray, y: np.ndarray, classes: np.ndarray) -> PlanePoints:
    return PlanePoints(np.stack([x, y], axis=1).astype(np.float32), classes.astype(np.int64))
