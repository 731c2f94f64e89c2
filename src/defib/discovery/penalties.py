"""Parameters that enter a loss by nothing but a penalty on their size."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import final

from defib.discovery.graph import REDUCTIONS, Node

_OF_EACH = (
    *("PowBackward", "AbsBackward", "SqrtBackward", "MulBackward", "DivBackward", "CloneBackward"),
    *("ViewBackward", "UnsafeViewBackward", "ReshapeAliasBackward", "StackBackward"),
    *("CatBackward", "UnsqueezeBackward", "SqueezeBackward", "ToCopyBackward"),
)
"""What a penalty does to parameters before they are summed, and to the sums."""
_ADDITIONS = ("AddBackward", "SubBackward")


@final
@dataclass(frozen=True)
class _Size:
    """What a node's result is made of where that is parameters alone."""

    parameters: frozenset[int] = field(default_factory=frozenset)
    is_sum: bool = False


def penalised_only(nodes: Iterable[Node]) -> set[int]:
    """Identities of the parameters of which only powers are summed, and the sums added to the
    loss; `nodes` are those of its graph, each after all that it is made of."""
    sizes: dict[Node, _Size] = {}
    met: set[int] = set()
    used: set[int] = set()
    for node in nodes:
        name = node.name()
        if name.endswith("AccumulateGrad"):
            sizes[node] = _Size(frozenset({id(node.variable)}))
            met.add(id(node.variable))
            continue
        children = [child for child, _ in node.next_functions if child is not None]
        found = [sizes[child] for child in children if child in sizes]
        size = _size_of(name, found, is_alone=len(found) == len(children))
        if size is not None:
            sizes[node] = size
        elif not (name.startswith(_ADDITIONS) and all(each.is_sum for each in found)):
            used.update(*(each.parameters for each in found))
    return met - used


def _size_of(name: str, found: list[_Size], *, is_alone: bool) -> _Size | None:
    """The size that an operation makes of sizes; `None` where it makes something else."""
    if not found or not is_alone:
        return None
    parameters = frozenset().union(*(each.parameters for each in found))
    if name.startswith(REDUCTIONS):
        return _Size(parameters, is_sum=True)
    are_sums = all(each.is_sum for each in found)
    is_of_each = name.startswith(_OF_EACH) or (name.startswith(_ADDITIONS) and are_sums)
    return _Size(parameters, is_sum=are_sums) if is_of_each else None
