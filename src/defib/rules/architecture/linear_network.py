"""A network that is an affine function of its input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

from defib.records.architecture import Architecture, OperationRecord
from defib.records.finding import Finding, Severity
from defib.rules.base import ArchitectureRule
from defib.rules.graph import NETWORK_INPUT, Graph
from defib.rules.operators import AFFINE, SCALINGS, SQUASHING, operator_of


@final
@dataclass(frozen=True)
class LinearNetwork(ArchitectureRule):
    """A network that is an affine function of its input.

    ## What it detects
    A network with convolutions or dense layers and without any non-linearity before the last
    one: a warning with two layers or more, information with one, or with a layer between that is
    narrower than input and output (a map of low rank, as linear autoencoders have). A sigmoid or
    softmax at the end changes nothing: the boundary between two classes stays a plane.

    ## Why it matters
    However deep and wide, it represents what a single layer does. It cannot compute XOR: no
    line separates (0,0), (1,1) from (0,1), (1,0).

    ## How it is measured
    The number of non-linearities that layers with weights read the results of, from the
    operators of the traced network. It must be more than 0.

    ## Known false positives
    Linear and logistic regression, and linear baselines, on purpose.

    ## What to change
    Put a non-linearity after each layer but the last.

    ## References
    - Goodfellow, Bengio, Courville, *Deep Learning* (2016), section 6.1: learning XOR.
    - Minsky, Papert, *Perceptrons* (1969).
    """

    severity = Severity.WARNING
    explains = ("missing-nonlinearity",)
    fixes = ("insert-nonlinearity",)

    def check_architecture(self, architecture: Architecture) -> Iterator[Finding]:
        graph = Graph(architecture)
        layers = graph.products
        if len(layers) == 0 or not _is_linear(graph):
            return
        last = layers[-1]
        is_meant = len(layers) == 1 or _is_bottleneck(graph, layers)
        several = f"The {len(layers)} layers with weights are" if len(layers) > 1 else "It is"
        yield self.found(
            f"0 non-linearities stand before the last layer of `{architecture.name}` (limit at "
            f"least 1). {several} one affine function of the input, which cannot separate "
            "classes as XOR does.",
            "Put a non-linearity (ReLU) after each layer but the last."
            if len(layers) > 1
            else "Add a hidden layer with a non-linearity, unless a linear model is meant.",
            layer=last.layer,
            site=graph.site(last),
            severity=Severity.INFO if is_meant else self.severity,
            evidence={"layers": len(layers)},
        )


def _is_bottleneck(graph: Graph, layers: Sequence[OperationRecord]) -> bool:
    """Whether a dense layer is narrower than input and output: one layer has no such rank."""
    if any(each.window is not None for each in layers):
        return False
    widths = [layer.outputs[0].dimensions[-1] for layer in layers]
    inputs = graph.weights(layers[0])[0].shape.count // widths[0]
    return min(widths[:-1]) < min(inputs, widths[-1])


def _is_linear(graph: Graph) -> bool:
    """Whether all is affine up to the last product, and only squashes the scores behind it."""
    products = {each.index for each in graph.products}
    affine = {NETWORK_INPUT}
    for operation in graph.operations:
        is_read_affine = affine.issuperset(graph.feeds(operation))
        if is_read_affine and (operation.index in products or _is_affine(graph, operation)):
            affine.add(operation.index)
        elif operation.index in products or not _is_harmless(operation):
            return False
    return True


def _is_affine(graph: Graph, operation: OperationRecord) -> bool:
    name = operator_of(operation)
    return name in AFFINE or (name in SCALINGS and len(graph.feeds(operation)) == 1)


def _is_harmless(operation: OperationRecord) -> bool:
    """Whether it keeps the order of scores: no product may read it, which is looked at there."""
    return operator_of(operation) in SQUASHING | AFFINE
