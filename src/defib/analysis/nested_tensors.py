"""Finds and replaces the tensors of nested structures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

# Told apart before anything else: most arguments are one of them, and torch's own walk over
# nested structures takes longer than the operators themselves.
_SCALARS = frozenset({int, float, bool, str, complex, type(None), torch.dtype, torch.device})


def tensors_in(tree: Any) -> list[Tensor]:
    """All tensors of a nested structure, in order."""
    if isinstance(tree, Tensor):
        return [tree]
    kind = type(tree)
    if kind is dict:
        tree, kind = tuple(tree.values()), tuple
    if kind is tuple or kind is list:
        found: list[Tensor] = []
        for each in tree:
            if isinstance(each, Tensor):
                found.append(each)
            elif type(each) not in _SCALARS:
                found += tensors_in(each)
        return found
    if kind in _SCALARS:
        return []
    return [each for each in tree_leaves(tree) if isinstance(each, Tensor)]


def with_tensors_replaced(tree: Any, replacement: Callable[[Tensor], Any]) -> Any:
    """The nested structure with `replacement(tensor)` in place of each tensor."""
    if isinstance(tree, Tensor):
        return replacement(tree)
    kind = type(tree)
    if kind in _SCALARS:
        return tree
    if kind is tuple or kind is list:
        return kind([with_tensors_replaced(each, replacement) for each in tree])
    if kind is dict:
        return {key: with_tensors_replaced(each, replacement) for key, each in tree.items()}
    return tree_map(lambda each: replacement(each) if isinstance(each, Tensor) else each, tree)
