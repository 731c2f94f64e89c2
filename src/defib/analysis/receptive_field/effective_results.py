"""What was measured of an effective receptive field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float


@final
@dataclass(frozen=True)
class EffectiveAxis:
    """Where the squared gradient lies along one axis. Units: input positions."""

    center: float
    standard_deviation: float
    radius: int
    """Smallest distance from the centre that holds 95 % of the squared gradient."""


@final
@dataclass(frozen=True)
class EffectiveField:
    """Squared gradient of the centre of an output with respect to the input.

    `profile` is averaged over samples and channels and sums to 1 (all 0 for a dead output).
    """

    axes: tuple[EffectiveAxis, ...]
    profile: Float[np.ndarray, "..."]
    samples: int
