"""Which units gave anything but zero."""

from __future__ import annotations

from jaxtyping import Bool, Float, Int
from torch import Tensor


def active_units(
    activations: Float[Tensor, "batch *rest"], unit_axis: int
) -> Bool[Tensor, " units"]:
    """Whether each ReLU unit was non-zero for any example and position of the batch.

    `activations` are results of a ReLU, so never negative. `unit_axis` is the axis of the
    units: 1 after convolutions, the last one after dense layers. `nan` counts as activity.
    """
    axis = unit_axis % activations.ndim
    others = [each for each in range(activations.ndim) if each != axis]
    largest = activations.amax(dim=others) if others else activations
    return largest != 0


def dead_unit_fraction(
    last_active: Int[Tensor, " units"], sample: int, window: int
) -> Float[Tensor, ""]:
    """Share of units that were zero throughout the last `window` recorded batches, in [0, 1].

    `last_active` holds, for each unit, the number of the last recorded batch on which it
    was active (-1 for never); `sample` is the number of the present one.
    """
    return (last_active <= sample - window).float().mean()
