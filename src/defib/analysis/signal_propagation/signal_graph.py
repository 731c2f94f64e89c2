"""Which layer or activation got its input from which."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, final

from torch import Tensor
from torch.autograd.graph import GradientEdge, get_gradient_edge

from defib.analysis.signal_propagation.activations import Activation
from defib.analysis.signal_propagation.called_functions import (
    FunctionCall,
    called_activation,
    dropout_factor,
    is_reshaping,
)
from defib.analysis.signal_propagation.layers import WeightScale
from defib.analysis.signal_propagation.moments import moments
from defib.analysis.signal_propagation.results import Moments
from defib.discovery.tensors import tensors_in


@final
@dataclass(frozen=True)
class LayerCall:
    """One call of a layer. `received`: moments of its input, `None` if that is no real tensor."""

    name: str
    call: int
    kind: str
    received: Moments | None
    scale: WeightScale | None


@final
@dataclass(frozen=True, eq=False)
class Node:
    """A tensor worth following: the network's input, or what a layer or an activation returned.

    `parent` is the position of the node that it was computed from, `factor` the second moment of
    what it received relative to the parent's (dropout divides by what it keeps). `edge` is where
    the gradient can be asked for.
    """

    parent: int | None
    factor: float
    returned: Moments
    edge: GradientEdge | None
    call: LayerCall | None = None
    activation: Activation | None = None


@final
@dataclass(frozen=True, eq=False)
class Trace:
    """`branched`: nodes used in a way that cannot be followed. `results`: returned by the model."""

    nodes: tuple[Node, ...]
    branched: frozenset[int]
    results: frozenset[int]

    def children(self, node: int) -> tuple[int, ...]:
        """The nodes computed directly from one."""
        return tuple(n for n, each in enumerate(self.nodes) if each.parent == node)


@final
@dataclass(frozen=True, eq=False)
class Tag:
    """Marks a tensor as a node's; holds the tensor, so that no other can take its identity."""

    tensor: Tensor
    node: int
    factor: float = 1.0


@final
@dataclass(eq=False)
class SignalGraph:
    """The nodes so far; grows while a model runs."""

    nodes: list[Node] = field(default_factory=list)
    branched: set[int] = field(default_factory=set)
    tags: dict[int, Tag] = field(default_factory=dict)

    def add(self, node: Node, tensor: Tensor) -> None:
        """Another node; `tensor` stands for it from now on."""
        self.tags[id(tensor)] = Tag(tensor, len(self.nodes))
        self.nodes.append(node)

    def tag_of(self, thing: Any) -> Tag | None:
        """The tag of a tensor that stands for a node."""
        return self.tags.get(id(thing))

    def tags_in(self, things: Any) -> list[Tag]:
        """The tags of all such tensors in nested containers."""
        found = {id(tensor): self.tag_of(tensor) for tensor in tensors_in(things)}
        return [tag for tag in found.values() if tag is not None]

    def branch(self, tags: Iterable[Tag]) -> None:
        """These nodes are used in a way that cannot be followed."""
        self.branched.update(tag.node for tag in tags)

    def observe(self, call: FunctionCall, result: Any) -> None:
        """Take in one call of a torch function outside of layers."""
        sources = self.tags_in((call.arguments, call.keywords))
        [tag] = sources if len(sources) == 1 else [None]
        is_direct = tag is not None and call.arguments[:1] and call.arguments[0] is tag.tensor
        if tag and is_direct and isinstance(result, Tensor) and self._follow(call, tag, result):
            return
        changed = list(tensors_in(call.arguments[0] if call.name == "__setitem__" else result))
        if changed:
            self.branch(sources)
        for tensor in changed:
            self.tags.pop(id(tensor), None)

    def _follow(self, call: FunctionCall, tag: Tag, result: Tensor) -> bool:
        kept = 1.0 if is_reshaping(call) else dropout_factor(call)
        if kept is not None:
            self.tags[id(result)] = Tag(result, tag.node, tag.factor * kept)
            return True
        activation = called_activation(call)
        if activation is None:
            return False
        edge = gradient_edge(result)
        self.add(Node(tag.node, tag.factor, moments(result), edge, activation=activation), result)
        return True

    def trace(self, result: Any) -> Trace:
        """What was followed, for what the model returned."""
        results = frozenset(tag.node for tag in self.tags_in(result))
        return Trace(tuple(self.nodes), frozenset(self.branched), results)


def is_real(tensor: Tensor) -> bool:
    """Whether moments mean something: floating-point numbers, at least one."""
    return tensor.is_floating_point() and tensor.numel() > 0


def gradient_edge(tensor: Tensor) -> GradientEdge | None:
    """Where the gradient with respect to the tensor, as it is now, can be asked for.

    To be taken at once: after an in-place change the tensor stands for another place.
    """
    return get_gradient_edge(tensor) if tensor.requires_grad else None
