"""Finds the tensors among what a network takes or gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor


def tensors_in(things: Any) -> Iterator[Tensor]:
    """The tensors in nested tuples, lists and mappings, in order."""
    if isinstance(things, Tensor):
        yield things
    elif isinstance(things, Mapping):
        for each in things.values():
            yield from tensors_in(each)
    elif isinstance(things, list | tuple):
        for each in things:
            yield from tensors_in(each)
