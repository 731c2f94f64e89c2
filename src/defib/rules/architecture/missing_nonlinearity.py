"""Two layers with weights and no non-linearity between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import final

from defib.records.architecture import Architecture, OperationRecord
from defib.records.finding import Finding, Severity
from defib.records.run import LayerFact, RunRecord
from defib.rules.base import ArchitectureRule, CannotJudge, Rule
from defib.rules.graph import Graph
from defib.rules.harm import severity_by_harm
from defib.rules.operators import CONVOLUTIONS, operator_of


@final
@dataclass(frozen=True)
class MissingNonlinearity(Rule, ArchitectureRule):
    """Two layers with weights and no non-linearity between them.

    ## What it detects
    Two convolutions or dense layers in sequence with nothing but reshapes and dropout between
    them: a warning if they hold more weights than the one layer that they are equal to;
    information if they do not. In a training only those that hold more, and a warning only where
    it learns little.

    ## Why it matters
    W2 (W1 x + b1) + b2 = (W2 W1) x + (W2 b1 + b2): one layer does the same. The depth is paid
    for and adds nothing that the network could represent.

    ## How it is measured
    Trained weights of both layers over those of the single equivalent layer (dimensionless), whose
    kernel is as large as both together. The limit is `max_ratio`: up to it the pair
    is a factorisation or a fixed filter (interpolation), by design. In a training the pairs are
    read off the autograd graph: two dense layers, or two convolutions, taken as of stride 1.

    ## Known false positives
    A dense layer after another on purpose (deep linear networks, adapters before they are
    merged). A grouped convolution with a convolution of 1 x 1 is separable by design and is not
    reported. What stands between is not looked into: an average pooling or a batch
    normalisation between two layers is no non-linearity either, and is not reported.

    ## What to change
    Put a non-linearity between the two (ReLU, GELU), or replace both by one layer.

    ## References
    - Goodfellow, Bengio, Courville, *Deep Learning* (2016), section 6.1: linear hidden layers.
    - Nikanjam et al., *NeuraLint* (2021): missing activation.
    """

    severity = Severity.WARNING
    explains = ("loss-plateau", "underfitting", "too-few-epochs")
    fixes = ("insert-nonlinearity",)

    max_ratio: float = 1.5
    """Weights of the pair over those of the equivalent layer, dimensionless. A factorisation has 1
    at most by definition, the code between an encoder and a head may be somewhat wider: 1.33 at
    most in 254 healthy trainings (`defib.healthy`). Two layers of one width have 2."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        if not run.layers:
            raise CannotJudge("no layer was seen")
        for second in run.layers:
            first = run.layer(second.linear_after)
            counts = _weights_in_run(run, first, second) if first is not None else None
            if first is not None and counts and counts[0] > self.max_ratio * counts[1]:
                yield self._finding_in_run(run, (first, second), counts)

    def _finding_in_run(
        self, run: RunRecord, pair: tuple[LayerFact, LayerFact], counts: tuple[int, int]
    ) -> Finding:
        first, second = pair
        names = f"`{first.name}` and `{second.name}`"
        finding = self.found(
            f"0 non-linearities stand between {names} (limit at least 1): their {counts[0]:,} "
            f"trained weights do the work of one layer of {counts[1]:,}.",
            f"Put a non-linearity between {names}, or replace them by one layer.",
            layer=second.name,
            site=second.site,
            severity=severity_by_harm(run, second.optimizer, worst=self.severity),
            evidence={"weights": counts[0], "equivalent_weights": counts[1]},
        )
        return replace(finding, steps=(0, max(run.steps - 1, 0)))

    def check_architecture(self, architecture: Architecture) -> Iterator[Finding]:
        graph = Graph(architecture)
        products = {each.index for each in graph.products}
        for second in graph.products:
            first = graph.source(second)
            if first is None or first.index not in products:
                continue
            is_read_once = graph.readers(first) == (second,) and not graph.is_output(first.index)
            if is_read_once and not _is_grouped(first) and not _is_grouped(second):
                yield self._finding(graph, first, second)

    def _finding(self, graph: Graph, first: OperationRecord, second: OperationRecord) -> Finding:
        weights = _weight_count(graph, first) + _weight_count(graph, second)
        equivalent = _equivalent_weights(graph, first, second)
        is_waste = weights > self.max_ratio * equivalent
        pair = f"{graph.label(first)} and {graph.label(second)}"
        return self.found(
            f"0 non-linearities stand between {pair} (limit at least 1): their {weights:,} "
            f"trained weights do the work of one layer of {equivalent:,}"
            + ("." if is_waste else ", so that the pair costs no more, and represents no more."),
            f"Put a non-linearity between {pair}, or replace them by one layer.",
            layer=second.layer,
            site=graph.site(second),
            severity=self.severity if is_waste else Severity.INFO,
            evidence={"weights": weights, "equivalent_weights": equivalent},
        )


def _weights_in_run(run: RunRecord, first: LayerFact, second: LayerFact) -> tuple[int, int] | None:
    """Trained weights of a pair, and of the layer that it is equal to; `None` if not known."""
    before, after = _kernel(run, first), _kernel(run, second)
    if before is None or after is None or len(before) != len(after):
        return None
    kernel = [own + other - 1 for own, other in zip(before[2:], after[2:], strict=True)]
    return prod(before) + prod(after), before[0] * after[1] * prod(kernel)


def _kernel(run: RunRecord, layer: LayerFact) -> tuple[int, ...] | None:
    """Inputs, outputs and extents of the weights of `layer`, if they are trained."""
    shapes = [each.shape for each in run.parameters if each.layer == layer.name]
    trained = all(each.optimizer for each in run.parameters if each.layer == layer.name)
    known = next((shape for shape in shapes if len(shape) > 1), None)
    if known is None or not trained:
        return None
    if layer.kind.startswith("ConvTranspose"):
        return known  # Torch has their inputs first.
    is_known = layer.kind in ("Linear", "Dense", "Conv1d", "Conv2d", "Conv3d")
    return (known[1], known[0], *known[2:]) if is_known else None


def _is_grouped(operation: OperationRecord) -> bool:
    return operation.window is not None and operation.window.groups > 1


def _weight_count(graph: Graph, operation: OperationRecord) -> int:
    return sum(each.shape.count for each in graph.weights(operation) if each.is_trainable)


def _equivalent_weights(graph: Graph, first: OperationRecord, second: OperationRecord) -> int:
    """Weights of the one layer between the input of the first and the output of the second."""
    before, after = first.window, second.window
    if before is not None and after is not None:
        # The second kernel, seen through the stride of the first; a transposed one the other way.
        steps = after.stride if after.is_transposed else before.stride
        near, far = (after, before) if after.is_transposed else (before, after)
        kernel = [
            _extent(own, dilation) + (_extent(other, spread) - 1) * step
            for own, dilation, other, spread, step in zip(
                near.kernel, near.dilation, far.kernel, far.dilation, steps, strict=True
            )
        ]
        return _inputs(graph, first) * second.outputs[0].dimensions[1] * prod(kernel)
    inputs = _inputs(graph, first) * (prod(before.inputs) if before is not None else 1)
    outputs = prod(second.outputs[0].dimensions[1:])
    return inputs * outputs


def _extent(kernel: int, dilation: int) -> int:
    return dilation * (kernel - 1) + 1


def _inputs(graph: Graph, operation: OperationRecord) -> int:
    """Input channels of a convolution, input features of a dense layer."""
    dimensions = graph.weights(operation)[0].shape.dimensions
    if operator_of(operation) not in CONVOLUTIONS:
        return graph.weights(operation)[0].shape.count // operation.outputs[0].dimensions[-1]
    is_transposed = operation.window is not None and operation.window.is_transposed
    return dimensions[0 if is_transposed else 1]
