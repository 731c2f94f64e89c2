"""The data of an ensemble, and their arrays as the compiled code reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from defib.ensemble.specification import MAXIMUM_OUTPUTS, Training
from defib.ensemble.workers import default_threads, in_parts
from defib.errors import UsageError

MAXIMUM_ELEMENTS = 2**31 - 1
"""Numbers in the data of 16 networks together: the compiled code counts them in 32 bits."""
_LARGEST_BLOCK = 16
_WORTH_THREADS = 2**20
"""Numbers that take longer to look at than threads to start."""


@final
@dataclass(frozen=True, eq=False)
class Data:
    """Inputs and targets, shared by all networks or one set for each.

    inputs: [points, inputs] or [networks, points, inputs]. targets: [points, outputs] or
    [networks, points, outputs]; the last axis may be left out where it is 1. For softmax
    cross-entropy the targets are class numbers [points] or [networks, points], for the
    logistic loss they lie in [0, 1], for the hinge loss they are -1 or 1.
    """

    inputs: ArrayLike
    targets: ArrayLike


@final
@dataclass(frozen=True, eq=False)
class PreparedData:
    """inputs [points, inputs], targets [points, columns]; of own data with networks in front."""

    inputs: np.ndarray
    targets: np.ndarray

    @property
    def points(self) -> int:
        return self.inputs.shape[-2]


def prepared(data: Data, training: Training, networks: int) -> PreparedData:
    """`data` as contiguous arrays of the precision; raises `UsageError` for what does not fit."""
    kind = np.dtype(training.precision)
    inputs = prepared_inputs(data.inputs, training, networks)
    targets = _targets(np.asarray(data.targets), training, networks, inputs.shape[-2])
    _check_targets(targets, training)
    return PreparedData(inputs, _finite("targets", targets, kind))


def prepared_inputs(inputs: ArrayLike, training: Training, networks: int) -> np.ndarray:
    """The inputs alone."""
    array, width = np.asarray(inputs), training.network.widths[0]
    expected = f"[points, {width}] or [{networks}, points, {width}]"
    if array.ndim not in (2, 3) or array.shape[-1] != width or array.shape[-2] == 0:
        raise UsageError(f"Inputs have the shape {expected}; {list(array.shape)} came.")
    _check_networks("inputs", array, networks, expected)
    limit = MAXIMUM_ELEMENTS // ((width + MAXIMUM_OUTPUTS) * _LARGEST_BLOCK)
    if array.shape[-2] > limit:
        raise UsageError(
            f"{array.shape[-2]:,} points of {width} inputs are more than the {limit:,} that one "
            f"network can be trained on here. Use fewer points, or torch itself."
        )
    return _finite("inputs", array, np.dtype(training.precision))


def _targets(array: np.ndarray, training: Training, networks: int, points: int) -> np.ndarray:
    """[points, columns] or [networks, points, columns]."""
    is_class = training.loss == "softmax_cross_entropy"
    columns = 1 if is_class else training.network.widths[-1]
    shapes = [(points, columns), (networks, points, columns)]
    if columns == 1:
        shapes += [(points,), (networks, points)]
    if array.shape not in shapes:
        expected = " or ".join(str(list(shape)) for shape in shapes)
        raise UsageError(
            f"Targets of {points} points, {networks} networks and loss `{training.loss}` have "
            f"the shape {expected}; {list(array.shape)} came."
        )
    return array if array.shape in shapes[:2] else array[..., None]


def _check_networks(name: str, array: np.ndarray, networks: int, expected: str) -> None:
    if array.ndim == 3 and array.shape[0] != networks:
        raise UsageError(
            f"There are {name} for {array.shape[0]} networks, but {networks} are trained. "
            f"Expected the shape {expected}."
        )


def _check_targets(targets: np.ndarray, training: Training) -> None:
    """That the loss has a meaning for these targets."""
    match training.loss:
        case "softmax_cross_entropy":
            classes = training.network.widths[-1]
            wrong = (targets < 0) | (targets >= classes) | (targets != np.floor(targets))
            what = f"whole class numbers from 0 to {classes - 1}"
        case "logistic":
            wrong, what = (targets < 0) | (targets > 1), "in [0, 1]"
        case "hinge":
            wrong, what = np.abs(targets) != 1, "-1 or 1"
        case _:
            return
    if wrong.any():
        first = targets[wrong].flat[0]
        raise UsageError(
            f"Targets of the loss `{training.loss}` are {what}; {int(wrong.sum())} are not, "
            f"the first of them is {first}."
        )


def _sum_of_squares(flat: np.ndarray) -> float:
    def part(first: int, last: int) -> np.ndarray:
        return np.dot(flat[first:last], flat[first:last])

    threads = default_threads() if flat.size > _WORTH_THREADS else 1
    return float(np.sum(in_parts(part, flat.size, threads=threads)))


def _finite(name: str, array: np.ndarray, kind: np.dtype) -> np.ndarray:
    """The array in `kind`; raises `UsageError` where a number is not finite in it."""
    with np.errstate(over="ignore"):
        cast = np.ascontiguousarray(array, dtype=kind)
    # The sum of squares is finite only if all numbers are, and is much quicker than a look at each.
    with np.errstate(all="ignore"):
        is_finite = np.isfinite(_sum_of_squares(cast.ravel()))
    if not is_finite and not (each := np.isfinite(cast)).all():
        place = [int(position) for position in np.argwhere(~each)[0]]
        raise UsageError(
            f"The {name} have {int((~each).sum())} numbers that are not finite in {kind.name}; "
            f"the first is {array[tuple(place)]} at {place}. Remove such examples."
        )
    return cast
