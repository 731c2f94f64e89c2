"""Reads a training step out of the autograd graph, just before `backward` consumes it.

No hook on any module is needed: the graph names the operations, leads to the parameters
and holds the activations. It sees functional calls and in-place operations as well as
modules, and nothing is left behind in the user's model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, final

import torch

from defib.discovery.linear_pairs import LINEAR_OPERATIONS, LinearPairs, is_product
from defib.discovery.operation_sites import site_of_node
from defib.records.site import Site

# Autograd's nodes are C++ objects without a public type: `Node = Any`.
Node = Any

ACTIVATIONS: Mapping[str, tuple[str, str]] = {
    "ReluBackward0": ("relu", "_saved_result"),
    "SigmoidBackward0": ("sigmoid", "_saved_result"),
    "TanhBackward0": ("tanh", "_saved_result"),
    "LeakyReluBackward0": ("leaky-relu", "_saved_self"),
    "LeakyReluBackward1": ("leaky-relu", "_saved_result"),
    "EluBackward0": ("elu", "_saved_self"),
    "EluBackward1": ("elu", "_saved_result"),
    "GeluBackward0": ("gelu", "_saved_self"),
    "SiluBackward0": ("silu", "_saved_self"),
    "SoftplusBackward0": ("softplus", "_saved_self"),
    "HardtanhBackward0": ("hardtanh", "_saved_self"),
    "HardsigmoidBackward0": ("hardsigmoid", "_saved_self"),
    "HardswishBackward0": ("hardswish", "_saved_self"),
    "MishBackward0": ("mish", "_saved_self"),
    "ThresholdBackward0": ("relu", "_saved_self"),
    "SoftmaxBackward0": ("softmax", "_saved_result"),
}
"""Node name -> kind of non-linearity, and the saved tensor that shows it."""

LAYER_INPUTS: Mapping[str, str] = {
    "AddmmBackward0": "_saved_mat1",
    "MmBackward0": "_saved_self",
    "MvBackward0": "_saved_self",
    "BmmBackward0": "_saved_self",
    "LinearBackward0": "_saved_input",
    "ConvolutionBackward0": "_saved_input",
    "NativeBatchNormBackward0": "_saved_input",
    "CudnnBatchNormBackward0": "_saved_input",
    "MiopenBatchNormBackward0": "_saved_input",
    "NativeLayerNormBackward0": "_saved_input",
    "NativeGroupNormBackward0": "_saved_input",
    "EmbeddingBackward0": "_saved_indices",
    "EmbeddingBagBackward0": "_saved_indices",
    "MkldnnRnnLayerBackward0": "_saved_input",
    "CudnnRnnBackward0": "_saved_input",
}
"""Node name -> the saved tensor that is the layer's input."""

_CHANNELS_FIRST = ("ConvolutionBackward0", "BatchNormBackward0", "GroupNormBackward0")

# A parameter passes through these on its way into the operation that uses it.
_CARRIERS = frozenset(
    {
        "TBackward0",
        "TransposeBackward0",
        "PermuteBackward0",
        "ToCopyBackward0",
        "ViewBackward0",
        "ReshapeAliasBackward0",
        "UnsafeViewBackward0",
        "ExpandBackward0",
        "CloneBackward0",
        "AliasBackward0",
        "WeightNormInterfaceBackward0",
        "UnsqueezeBackward0",
        "SelectBackward0",
        "SplitBackward0",
        "ChunkBackward0",
        "UnbindBackward0",
        "PowBackward0",
        "AbsBackward0",
    }
)

# Of a parameter alone these make the penalty of a regularisation, which is no use of a layer.
REDUCTIONS = ("SumBackward", "MeanBackward", "NormBackward", "LinalgVectorNormBackward")

# Operations that leave each axis where it was.
_ELEMENTWISE = ("AddBackward", "SubBackward", "MulBackward", "DivBackward")

_OPAQUE_PREFIXES = ("CompiledFunction", "CheckpointFunction", "Broadcast", "Gather", "CppFunction")


@final
@dataclass(frozen=True)
class LayerUse:
    """One use of a parametrised layer. `input` is `None` where the node does not keep it."""

    layer: str
    node: Node
    order: int
    reads_input: bool

    def input(self) -> torch.Tensor | None:
        """What entered the layer, detached."""
        attribute = LAYER_INPUTS.get(self.node.name())
        return saved_tensor(self.node, attribute) if attribute else None


@final
@dataclass(frozen=True)
class ActivationUse:
    """One use of a non-linearity, with the layer that feeds it (empty: none has parameters)."""

    kind: str
    layer: str
    node: Node
    channels_first: bool
    site: Site | None

    def saved(self) -> torch.Tensor | None:
        """The activation's result, or its input for kinds that keep only that; detached."""
        return saved_tensor(self.node, ACTIVATIONS[self.node.name()][1])


@final
@dataclass
class Graph:
    """What one loss depends on, in the order of the forward pass."""

    layers: list[LayerUse] = field(default_factory=list)
    activations: list[ActivationUse] = field(default_factory=list)
    reached: set[int] = field(default_factory=set)
    """Identities of the parameters that the loss depends on."""
    opaque: list[str] = field(default_factory=list)
    linear_sources: dict[str, str] = field(default_factory=dict)
    """Layers that multiply with weights what another such layer gave, with the name of that one:
    nothing stands between the two that is not linear, and nothing else reads it."""
    last_layers: set[str] = field(default_factory=set)
    """Layers with no other layer between them and the loss."""
    nodes: list[Node] = field(default_factory=list)


@dataclass(frozen=True)
class _Origin:
    """What a node's result comes from: the nearest layer before it."""

    layer: str = ""
    order: int = -1
    channels_first: bool = False
    chain: tuple[Node, ...] = ()
    """From the product of the layer to here, while all that was done since is linear."""
    has_units: bool = True
    """Whether the units of the layer are still apart: a distance or a sum over them is no longer
    theirs, and a hinge on it is no activation of the layer."""


_NOTHING = _Origin()


def read_graph(root: Node, layer_of_parameter: Mapping[int, str]) -> Graph:
    """The graph below `root`; `layer_of_parameter` maps `id(parameter)` to its layer's name."""
    graph = Graph()
    origins: dict[Node, _Origin] = {}
    carried: dict[Node, str] = {}
    gates, pairs = _Gates(), LinearPairs()
    for node, children in _inputs_first(root):
        name = node.name()
        graph.nodes.append(node)
        if name.endswith("AccumulateGrad"):
            parameter = node.variable
            graph.reached.add(id(parameter))
            carried[node] = layer_of_parameter.get(id(parameter), "")
            continue
        own = [carried[child] for child in children if child in carried]
        inputs = [child for child in children if child not in carried]
        if own and not inputs and name in _CARRIERS:
            carried[node] = own[0]
            continue
        before = max((origins[child] for child in inputs), key=_nearest, default=_NOTHING)
        if own and own[0] and (inputs or not name.startswith(REDUCTIONS)):
            pairs.note(node, own[0], before.layer, before.chain)
            origins[node] = _add_layer(graph, node, own[0], before, inputs)
        else:
            origins[node] = _moved(node, name, before, is_single=len(inputs) == 1)
        pairs.read(inputs)
        gates.note(name, inputs)
        _note_kind(graph, node, name, before)
    gates.remove_from(graph)
    graph.linear_sources = pairs.found()
    graph.last_layers.add(origins.get(root, _NOTHING).layer)
    return graph


@final
class _Gates:
    """Tells sigmoids that only scale another value (LSTM, squeeze-and-excitation) from layers'."""

    def __init__(self) -> None:
        self._scaling: set[Node] = set()
        self._other: set[Node] = set()

    def note(self, name: str, inputs: list[Node]) -> None:
        """An operation that uses the results of the nodes `inputs`."""
        # A GRU's update gate also enters as 1 - z.
        is_scaling = name == "RsubBackward1" or (name == "MulBackward0" and len(inputs) > 1)
        (self._scaling if is_scaling else self._other).update(inputs)

    def remove_from(self, graph: Graph) -> None:
        """Drop the gates from `graph.activations`, with all sigmoids of their layers.

        At its first step a recurrent layer has no earlier state that some gates could scale.
        """
        sigmoids = [use for use in graph.activations if use.kind == "sigmoid"]
        gates = self._scaling - self._other
        gated = {use.layer for use in sigmoids if use.node in gates}
        graph.activations = [
            use for use in graph.activations if use.kind != "sigmoid" or use.layer not in gated
        ]


def _nearest(origin: _Origin) -> tuple[int, bool]:
    return origin.order, origin.has_units


def _add_layer(
    graph: Graph, node: Node, layer: str, before: _Origin, inputs: list[Node]
) -> _Origin:
    # A bias added by an operation of its own (Keras) belongs to the use before it.
    if layer == before.layer and "Add" in node.name():
        return replace(before, chain=(*before.chain, node) if before.chain else ())
    order = len(graph.layers)
    reads_input = before is _NOTHING and not inputs
    graph.layers.append(LayerUse(layer, node, order, reads_input))
    name = node.name()
    keeps_channels = before.channels_first and name.startswith(_ELEMENTWISE)
    chain = (node,) if is_product(node) else ()
    return _Origin(layer, order, keeps_channels or name.endswith(_CHANNELS_FIRST), chain)


def _moved(node: Node, name: str, origin: _Origin, *, is_single: bool) -> _Origin:
    """`origin`, with the channels where a permutation of the axes has put them."""
    if origin.chain:
        is_linear = is_single and name.startswith(LINEAR_OPERATIONS)
        origin = replace(origin, chain=(*origin.chain, node) if is_linear else ())
    if name.startswith(REDUCTIONS) and _joins_units(node, origin):
        origin = replace(origin, has_units=False)
    axes = _permutation(node, name)
    if origin is _NOTHING or len(axes) < 3:
        return origin
    channels = 1 if origin.channels_first else len(axes) - 1
    return replace(origin, channels_first=axes.index(channels) == 1)


def _joins_units(node: Node, origin: _Origin) -> bool:
    """Whether a reduction goes over the axis of the units."""
    axes = getattr(node, "_saved_dim", None)
    if axes is None:
        return True
    result = node._input_metadata[0]
    # What keeps its axis is subtracted from the units, or divides them.
    if result.is_nested_tensor or node._saved_keepdim:
        return False
    axes = [_signed(axis) for axis in axes]
    count = len(result.shape) + len(axes)
    units = 1 if origin.channels_first else count - 1
    return not axes or units in {axis % count for axis in axes}


def _permutation(node: Node, name: str) -> list[int]:
    """The old axis of each new one; empty for other operations."""
    if name == "PermuteBackward0":
        axes = [_signed(axis) for axis in node._saved_dims]
        return [axis % len(axes) for axis in axes]
    if name != "TransposeBackward0" or node._input_metadata[0].is_nested_tensor:
        return []
    axes = list(range(len(node._input_metadata[0].shape)))
    first, second = _signed(node._saved_dim0), _signed(node._saved_dim1)
    axes[first], axes[second] = axes[second], axes[first]
    return axes


def _signed(axis: int) -> int:
    # Autograd hands negative axes out as unsigned numbers.
    return axis - (1 << 64) if axis >= 1 << 63 else axis


def _note_kind(graph: Graph, node: Node, name: str, before: _Origin) -> None:
    if name in ACTIVATIONS:
        layer = before.layer if before.has_units else ""
        graph.activations.append(
            ActivationUse(
                ACTIVATIONS[name][0], layer, node, before.channels_first, site_of_node(node)
            )
        )
    elif name.startswith(_OPAQUE_PREFIXES):
        graph.opaque.append(name)


def _inputs_first(root: Node) -> Iterator[tuple[Node, list[Node]]]:
    """Every node once, with its children, after all its children: the order of the forward."""
    stack: list[tuple[Node, list[Node] | None]] = [(root, None)]
    expanded: set[Node] = set()
    while stack:
        node, children = stack.pop()
        if children is not None:
            yield node, children
        elif node not in expanded:
            expanded.add(node)
            children = [child for child, _ in node.next_functions if child is not None]
            stack.append((node, children))
            stack.extend((child, None) for child in reversed(children) if child not in expanded)


def saved_tensor(node: Node, attribute: str) -> torch.Tensor | None:
    """A tensor that `node` keeps for its backward, detached; `None` where there is none."""
    try:
        tensor = getattr(node, attribute)
    except (AttributeError, RuntimeError):
        # Freed by an earlier backward, or overwritten in place: backward itself will say so.
        return None
    return tensor.detach() if isinstance(tensor, torch.Tensor) else None
