"""Example inputs of a network: tensors, or only their shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn

from defib.analysis.nested_tensors import with_tensors_replaced
from defib.errors import UsageError

Example = Tensor | Sequence[Any] | Mapping[str, Any]
"""Tensors, one shape (a tuple of integers), several shapes, or inputs by name."""


@final
@dataclass(frozen=True)
class Inputs:
    """What a network is called with; every tensor may be on the meta device."""

    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]
    has_guessed_type: bool = False
    """Shapes were given without an element type."""

    def replaced(self, replacement: Any) -> Inputs:
        """The same with `replacement(tensor)` in place of each tensor."""
        arguments, keywords = with_tensors_replaced(
            (self.arguments, dict(self.keywords)), replacement
        )
        return Inputs(arguments, keywords, self.has_guessed_type)

    def on_meta(self) -> Inputs:
        """The same without numbers."""
        return self.replaced(_without_numbers)

    def on_processor(self) -> Inputs:
        """The same with numbers: those given, else random ones of mean 0 and variance 1."""
        generator = torch.Generator().manual_seed(0)
        return self.replaced(lambda tensor: _with_numbers(tensor, generator))

    def with_type(self, dtype: torch.dtype) -> Inputs:
        """The same with every tensor of another element type."""
        return self.replaced(lambda tensor: torch.empty(tensor.shape, dtype=dtype, device="meta"))


def inputs_from(
    example: Example,
    keywords: Mapping[str, Any] | None = None,
    *,
    dtype: torch.dtype | Sequence[torch.dtype] | None = None,
    network: nn.Module,
) -> Inputs:
    """The call that an example stands for.

    Shapes without `dtype` get the element type of the network's first floating parameter.
    """
    keywords = dict(keywords or {})
    if isinstance(example, Tensor):
        return Inputs((example,), keywords)
    if isinstance(example, Mapping):
        return Inputs((), {**example, **keywords})
    shapes = _shapes(example)
    if shapes is None:
        return Inputs(tuple(example), keywords)
    types = _types(dtype, len(shapes), network)
    tensors = tuple(
        torch.empty(shape, dtype=each, device="meta")
        for shape, each in zip(shapes, types, strict=True)
    )
    return Inputs(tensors, keywords, dtype is None)


def _shapes(example: Sequence[Any]) -> list[tuple[int, ...]] | None:
    """The shapes that were given, or `None` where these are no shapes."""
    if example and all(isinstance(each, int) for each in example):
        return [tuple(example)]
    if example and all(_is_shape(each) for each in example):
        return [tuple(each) for each in example]
    return None


def _is_shape(value: Any) -> bool:
    return isinstance(value, tuple | list) and all(isinstance(each, int) for each in value)


def _types(
    dtype: torch.dtype | Sequence[torch.dtype] | None, count: int, network: nn.Module
) -> list[torch.dtype]:
    if dtype is None:
        floating = (each.dtype for each in network.parameters() if each.is_floating_point())
        dtype = next(floating, torch.get_default_dtype())
    if isinstance(dtype, torch.dtype):
        return [dtype] * count
    if len(dtype) != count:
        raise UsageError(
            f"{count} input shapes were given, but {len(dtype)} element types. "
            "Give one element type for each shape, or one for all."
        )
    return list(dtype)


def _without_numbers(tensor: Tensor) -> Tensor:
    return torch.empty_strided(
        tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta"
    ).requires_grad_(tensor.requires_grad)


def _with_numbers(tensor: Tensor, generator: torch.Generator) -> Tensor:
    if not tensor.is_meta:
        # A copy: the network may write to its inputs.
        return tensor.detach().cpu().clone().requires_grad_(tensor.requires_grad)
    if tensor.is_floating_point():
        return torch.randn(tensor.shape, generator=generator).to(tensor.dtype)
    return torch.zeros(tensor.shape, dtype=tensor.dtype)
