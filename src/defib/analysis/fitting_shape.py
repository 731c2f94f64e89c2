"""Looks for an input shape with which a network runs that stopped half-way."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from defib.analysis.example import Inputs
from defib.analysis.functions.arguments import sizes
from defib.analysis.run_ladder import run_on_meta
from defib.analysis.trace import Trace

LARGEST_SIDE = 2048
"""Positions; the search ends there. Networks are rarely built for larger images."""

Shape = tuple[int, ...]


def fitting_shape(network: nn.Module, inputs: Inputs, *, given: int, expected: int) -> Shape | None:
    """A shape of the first input with which the network runs, or `None` if none was found.

    The layer that failed received `given` channels or features and `expected` others.
    """
    first = _first_tensor(inputs)
    if first is None:
        return None
    shape = tuple(first.shape) or (1,)
    for candidate in dict.fromkeys(_rearranged(shape, given, expected)):
        if _attempt(network, inputs, candidate).failure is None:
            return candidate
    return fitting_side(network, inputs)


def fitting_side(network: nn.Module, inputs: Inputs) -> Shape | None:
    """The same batch and channels with another side, equal along all spatial axes."""
    first = _first_tensor(inputs)
    if first is None or first.dim() < 3:
        return None
    leading, axes = tuple(first.shape[:2]), first.dim() - 2
    low, high = 1, LARGEST_SIDE
    found: Shape | None = None
    while low <= high:
        side = (low + high) // 2
        shape = (*leading, *(side,) * axes)
        result = _attempt(network, inputs, shape)
        if result.failure is None:
            found = shape
        # The smallest side that fits: search below it, too.
        if result.failure is None or _has_too_many_features(result):
            high = side - 1
        else:
            low = side + 1
    return found


def _rearranged(shape: Shape, given: int, expected: int) -> Iterator[Shape]:
    *leading, last = shape
    if len(leading) > 1 and last == expected:
        # Channels stand last.
        yield (leading[0], last, *leading[1:])
    if shape[1:2] == (given,):
        yield (shape[0], expected, *shape[2:])
    if last == given:
        yield (*leading, expected)
    yield (1, *shape)


def _has_too_many_features(result: Trace) -> bool:
    """Whether the run stopped at a linear layer that was given more than it takes."""
    if not result.functions or result.functions[-1].name != "linear":
        return False
    features, weight = (sizes(result.functions[-1], place, "") for place in (0, 1))
    return len(weight) == 2 and features[-1] > weight[1]


def _attempt(network: nn.Module, inputs: Inputs, shape: Shape) -> Trace:
    first = _first_tensor(inputs)
    return run_on_meta(
        network,
        inputs.replaced(
            lambda tensor: (
                torch.empty(shape, dtype=tensor.dtype, device="meta") if tensor is first else tensor
            )
        ),
    )


def _first_tensor(inputs: Inputs) -> Tensor | None:
    """The only input that is a tensor: with several, no shape can be changed alone."""
    tensors: list[Tensor] = []
    inputs.replaced(tensors.append)
    return tensors[0] if len(tensors) == 1 else None
