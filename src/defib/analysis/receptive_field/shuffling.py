"""Operations that trade positions for channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from defib.analysis.receptive_field.applied import Applied, Handler, State
from defib.analysis.receptive_field.reshaping import reshaped
from defib.analysis.receptive_field.state import Seen, renumbered


def pixel_shuffle(applied: Applied) -> State:
    """Channels become positions."""
    factor = applied.argument(1, "upscale_factor")
    *rest, channels, height, width = applied.shape
    front = len(rest)
    split_shape = (*rest, channels // factor**2, factor, factor, height, width)
    order = [*range(front), *(front + each for each in (0, 3, 1, 4, 2))]
    return _rearranged(applied, split_shape, order)


def pixel_unshuffle(applied: Applied) -> State:
    """Positions become channels."""
    factor = applied.argument(1, "downscale_factor")
    *rest, channels, height, width = applied.shape
    front = len(rest)
    split_shape = (*rest, channels, height // factor, factor, width // factor, factor)
    order = [*range(front), *(front + each for each in (0, 2, 4, 1, 3))]
    return _rearranged(applied, split_shape, order)


def channel_shuffle(applied: Applied) -> State:
    """Channels of the groups in turn."""
    groups = applied.argument(1, "groups")
    batch, channels, *rest = applied.shape
    split_shape = (batch, groups, channels // groups, *rest)
    return _rearranged(applied, split_shape, [0, 2, 1, *range(3, len(split_shape))])


def _rearranged(applied: Applied, split_shape: Sequence[int], order: Sequence[int]) -> Seen:
    seen = reshaped(applied.memo, applied.first, applied.shape, split_shape)
    seen = seen.mapped(lambda placed: renumbered(placed, list(order).index))
    permuted = [split_shape[dim] for dim in order]
    return reshaped(applied.memo, seen, permuted, applied.result_shape)


HANDLERS: Mapping[str, Handler] = {
    "pixel_shuffle": pixel_shuffle,
    "pixel_unshuffle": pixel_unshuffle,
    "channel_shuffle": channel_shuffle,
}
