"""Finds layers between which nothing stands that is not linear: both together are one layer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, final

# Autograd's nodes are C++ objects without a public type.
Node = Any

LINEAR_OPERATIONS = (
    "View", "UnsafeView", "Reshape", "Transpose", "TBackward", "Permute", "Squeeze", "Unsqueeze",
    "Clone", "Alias", "ToCopy", "NativeDropout", "Mul", "Div",
)  # fmt: skip
"""Beginnings of the names of nodes that are linear in their only input from the graph: a product
with one is that of a dropout with its mask, or a scale."""

_PRODUCTS = ("Addmm", "Mm", "Linear", "Convolution")


def is_product(node: Node) -> bool:
    """Whether `node` multiplies with all weights of a layer.

    A grouped convolution does not: with one of 1 x 1 behind it it is separable by design.
    """
    return node.name().startswith(_PRODUCTS) and getattr(node, "_saved_groups", 1) == 1


@final
class LinearPairs:
    """Collects uses of layers, in the order of the forward pass.

    A *chain* is what was done since the product of a layer, as long as all of it is linear.
    """

    def __init__(self) -> None:
        self._sources: dict[str, set[str]] = {}
        self._chains: dict[str, list[Node]] = {}
        self._readers: dict[Node, int] = {}

    def read(self, nodes: Iterable[Node]) -> None:
        """An operation reads the results of `nodes`."""
        for node in nodes:
            self._readers[node] = self._readers.get(node, 0) + 1

    def note(self, node: Node, layer: str, source: str, chain: tuple[Node, ...]) -> None:
        """The use of `layer` at `node` reads `source`, behind `chain` (empty: not linearly)."""
        # A bias that is added by an operation of its own belongs to the use before it.
        if layer != source and is_product(node):
            self._sources.setdefault(layer, set()).add(source if chain else "")
            self._chains.setdefault(layer, []).extend(chain)

    def found(self) -> dict[str, str]:
        """Second layer -> first layer, where nothing else reads what the first one gives."""
        return {
            layer: next(iter(sources))
            for layer, sources in self._sources.items()
            if len(sources) == 1
            and "" not in sources
            and all(self._readers.get(node, 0) == 1 for node in self._chains[layer])
        }
