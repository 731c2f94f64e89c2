"""Expectations over a Gaussian variable."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

REACH = 12.0
"""Standard deviations to each side; the mass beyond is 4e-33, under the rounding of a double."""

POINTS = 128
"""Gauss-Legendre points between two kinks; errors stay near 1e-14 (tests compare closed forms)."""

SMALLEST_DEVIATION = 1e-150
LARGEST_DEVIATION = 1e150
"""Their squares are still finite, non-zero doubles: the limits q → 0 and q → ∞ can be taken."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(POINTS)


def gaussian_mean(
    function: Callable[[np.ndarray], np.ndarray],
    *,
    mean: np.ndarray | float = 0.0,
    deviation: float = 1.0,
    kinks: tuple[float, ...] = (0.0,),
) -> np.ndarray:
    """E[function(mean + deviation · z)], z ~ N(0, 1), for each entry of `mean`.

    The integral is split where the argument reaches a kink: Gauss-Hermite quadrature, which
    cannot be split, is off by 0.04 for the step function even with 201 points.
    """
    deviation = min(max(deviation, SMALLEST_DEVIATION), LARGEST_DEVIATION)
    centre = np.asarray(mean, dtype=np.float64)[..., None]
    inner = [np.clip((kink - centre) / deviation, -REACH, REACH) for kink in sorted(kinks)]
    edges = [np.full_like(centre, -REACH), *inner, np.full_like(centre, REACH)]
    total = np.zeros(centre.shape[:-1])
    for low, high in pairwise(edges):
        half = (high - low) / 2
        z = low + half * (1 + _NODES)
        density = np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
        total = total + half[..., 0] * ((function(centre + deviation * z) * density) @ _WEIGHTS)
    return total
