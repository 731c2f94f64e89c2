"""Interpolation: which inputs each output position of a resized axis reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from math import ceil, floor
from typing import final

import numpy as np

from defib.analysis.receptive_field.applied import Applied, Handler, State
from defib.analysis.receptive_field.arithmetic import resampling_lines
from defib.analysis.receptive_field.dependence import (
    Dependence,
    Memo,
    Placed,
    behind_taps,
    mapped_forms,
)
from defib.analysis.receptive_field.position_sets import gathered
from defib.analysis.receptive_field.progression import Taps
from defib.analysis.receptive_field.state import along_dim

NEAREST = ("nearest", "nearest_exact")

FINEST_SCALE = 1000
"""Scales are decimals in the code: 0.7 means 7/10, not the binary number next to it."""


@final
@dataclass(frozen=True)
class Resizing:
    """From `given` to `made` positions; `ratio` input positions per output position."""

    method: str
    given: int
    made: int
    ratio: Fraction
    aligns_corners: bool

    @property
    def taps(self) -> Taps:
        return Taps(self.ratio.denominator, self.ratio.numerator, self._read)

    def computed(self, position: int) -> Sequence[int]:
        """As torch computes it: a nearest neighbour is found in single precision."""
        if self.method not in NEAREST:
            return self._read(position)
        scale = np.float32(self.ratio.numerator) / np.float32(self.ratio.denominator)
        place = np.float32(position) + np.float32(self.method == "nearest_exact") / np.float32(2)
        return (int(np.floor(place * scale)),)

    def _read(self, position: int) -> Sequence[int]:
        if self.method == "nearest":
            return (floor(position * self.ratio),)
        if self.method == "nearest_exact":
            return (floor((position + Fraction(1, 2)) * self.ratio),)
        place = position * self.ratio
        if not self.aligns_corners:
            place += self.ratio / 2 - Fraction(1, 2)
        first = floor(place)
        if place == first:
            return (first,)
        return range(first, first + 2) if self.method == "linear" else range(first - 1, first + 3)


def adaptive_taps(given: int, made: int) -> Taps:
    """Windows of adaptive pooling."""
    ratio = Fraction(given, made)
    return Taps(
        ratio.denominator,
        ratio.numerator,
        lambda position: range(floor(position * ratio), ceil((position + 1) * ratio)),
    )


def interpolation(method: str, rank: int) -> Handler:
    """`method` over the last `rank` dimensions."""
    has_corners = method in ("linear", "cubic")

    def interpolate(applied: Applied) -> State:
        seen = applied.first
        aligns = has_corners and applied.argument(2, "align_corners", False)
        scales = applied.operation.arguments[3 if has_corners else 2 :] or (None,) * rank
        if isinstance(scales[0], list | tuple):  # the `vec` overloads give all in one list
            scales = scales[0]
        for place in range(rank):
            dim = len(applied.shape) - rank + place
            given, made = applied.shape[dim], applied.result_shape[dim]
            ratio = _ratio(given, made, scales[place] if place < len(scales) else None, aligns)
            resizing = Resizing(method, given, made, ratio, aligns)
            after = seen.mapped(partial(_resized, applied.memo, dim, resizing))
            seen = applied.boxed(seen, after, (dim,))
        return seen

    return interpolate


def _ratio(given: int, made: int, scale: float | None, aligns_corners: bool) -> Fraction:
    if aligns_corners:
        return Fraction(given - 1, made - 1) if made > 1 else Fraction(0)
    if scale:
        return 1 / Fraction(scale).limit_denominator(FINEST_SCALE)
    return Fraction(given, made)


def _resized(memo: Memo, dim: int, resizing: Resizing, placed: Placed) -> Placed:
    return along_dim(
        memo, placed, dim, key=resizing, change=lambda d, axis: _resize(d, axis, resizing)
    )


def _resize(dependence: Dependence, axis: int, resizing: Resizing) -> Dependence:
    taps, last = resizing.taps, resizing.given - 1
    sets = gathered(
        dependence.sets,
        axis,
        taps=resizing.computed,
        count=resizing.made,
        border=dependence.border,
        fold=lambda position: min(max(position, 0), last),
    )
    if axis != dependence.along or not taps.run:
        return replace(dependence, sets=sets)
    rounded = [o for o in range(resizing.made) if tuple(resizing.computed(o)) != tuple(taps.at(o))]
    # Where rounding moves a neighbour, the position says nothing about the closed form.
    np.moveaxis(sets, axis, 0)[rounded] |= dependence.border
    widest = max(len(taps.at(position)) for position in range(taps.rise))
    lines: Callable[..., tuple[str, ...]] = partial(
        resampling_lines, taps=widest, sizes=(taps.run, taps.rise)
    )
    forms = mapped_forms(dependence.forms, lambda form: behind_taps(form, taps, lines))
    return replace(dependence, sets=sets, forms=forms)


HANDLERS: Mapping[str, Handler] = {
    "upsample_nearest1d": interpolation("nearest", 1),
    "upsample_nearest2d": interpolation("nearest", 2),
    "upsample_nearest3d": interpolation("nearest", 3),
    "_upsample_nearest_exact1d": interpolation("nearest_exact", 1),
    "_upsample_nearest_exact2d": interpolation("nearest_exact", 2),
    "_upsample_nearest_exact3d": interpolation("nearest_exact", 3),
    "upsample_linear1d": interpolation("linear", 1),
    "upsample_bilinear2d": interpolation("linear", 2),
    "upsample_trilinear3d": interpolation("linear", 3),
    "upsample_bicubic2d": interpolation("cubic", 2),
}
