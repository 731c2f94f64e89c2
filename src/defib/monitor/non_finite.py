"""Finds where the first value that is no number arose."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from defib.discovery.graph import Graph, Node, saved_tensor
from defib.monitor.transfer import is_true


@final
@dataclass(frozen=True)
class Origin:
    """`where`: input, parameter, activation or loss; `phase`: forward or backward.

    `operation` is the graph's name for what gave the value, `position` its index in
    `Graph.nodes` (-1 where no operation was found).
    """

    where: str
    phase: str
    layer: str = ""
    operation: str = ""
    position: int = -1


def find_origin(graph: Graph, parameters: Sequence[tuple[str, Tensor]]) -> Origin:
    """Where, in the forward pass that `graph` describes, values stopped being finite.

    Parameters are looked at first: where one is non-finite before the pass, an earlier
    backward or step did it. A backward spoils the layers before the operation that failed,
    so the last spoilt layer stands right before it.
    """
    spoilt = [name for name, tensor in parameters if not _is_finite(tensor.detach())]
    if spoilt:
        last = _last_in_forward_order(graph, spoilt)
        return Origin("parameter", "backward", last)
    for use in graph.layers:
        entered = use.input()
        if use.reads_input and entered is not None and not _is_finite(entered):
            return Origin("input", "forward", use.layer, use.node.name())
    layers = _layers_by_node(graph)
    layer = ""
    for position, node in enumerate(graph.nodes):
        layer = layers.get(node, layer)
        if _leaves_its_domain(node) or not all(map(_is_finite, _saved_tensors(node))):
            return Origin("activation", "forward", layer, node.name(), position)
    return Origin("loss", "forward", layer, graph.nodes[-1].name() if graph.nodes else "")


def _last_in_forward_order(graph: Graph, names: Iterable[str]) -> str:
    order = {use.layer: use.order for use in graph.layers}
    return max((name.rpartition(".")[0] for name in names), key=lambda layer: order.get(layer, -1))


def _layers_by_node(graph: Graph) -> Mapping[Node, str]:
    return {use.node: use.layer for use in graph.layers}


def _saved_tensors(node: Node) -> list[Tensor]:
    found = []
    for attribute in dir(node):
        if attribute.startswith("_saved_"):
            try:
                value = getattr(node, attribute)
            except RuntimeError:
                continue
            if isinstance(value, Tensor) and value.is_floating_point():
                found.append(value.detach())
    return found


def _leaves_its_domain(node: Node) -> bool:
    """Whether a node that keeps only its input gave a value that is not finite."""
    attribute, is_outside = _DOMAINS.get(node.name(), ("", None))
    value = saved_tensor(node, attribute) if is_outside is not None else None
    return value is not None and is_outside is not None and is_true(is_outside(value).any())


_DOMAINS: Mapping[str, tuple[str, Callable[[Tensor], Tensor]]] = {
    "LogBackward0": ("_saved_self", lambda value: value <= 0),
    "Log2Backward0": ("_saved_self", lambda value: value <= 0),
    "Log10Backward0": ("_saved_self", lambda value: value <= 0),
    "Log1PBackward0": ("_saved_self", lambda value: value <= -1),
    "DivBackward0": ("_saved_other", lambda value: value == 0),
}


def _is_finite(tensor: Tensor) -> bool:
    if not tensor.is_floating_point():
        return True
    return is_true(torch.isfinite(tensor).all())
