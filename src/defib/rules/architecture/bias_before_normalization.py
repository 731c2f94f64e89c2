"""Biases that the normalisation after them cancels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.architecture import Architecture, OperationRecord
from defib.records.finding import Finding, Severity
from defib.rules.base import ArchitectureRule
from defib.rules.graph import Graph
from defib.rules.operators import BATCH_NORMALIZATIONS, operator_of


@final
@dataclass(frozen=True)
class BiasBeforeNormalization(ArchitectureRule):
    """Biases that the normalisation after them cancels.

    ## What it detects
    A convolution or dense layer with a bias whose result is read by nothing but a batch or
    instance normalisation.

    ## Why it matters
    The normalisation subtracts the mean of each channel, and with it the bias b:
    (x + b) - mean(x + b) = x - mean(x). The bias never changes the output and its gradient
    is 0; it costs memory and time and does no harm otherwise.

    ## How it is measured
    The number of elements of such biases, from the operators of the traced network. Limit 0.

    ## Known false positives
    A normalisation that stays in evaluation mode during training does not subtract the mean
    of the batch: there the bias acts. Layer and group normalisation subtract a mean over
    several channels, which leaves the differences of the biases: not reported.

    ## What to change
    `bias=False` in the layer before the normalisation, whose own bias takes its place.

    ## References
    - Ioffe, Szegedy, *Batch Normalization* (2015), section 3.2: the bias can be ignored.
    """

    severity = Severity.INFO

    shown: int = 3
    """Names of layers that the message lists."""

    def check_architecture(self, architecture: Architecture) -> Iterator[Finding]:
        graph = Graph(architecture)
        cancelled = {
            bias.name: (operation, bias.shape.count)
            for operation in graph.products
            if (bias := graph.bias(operation)) is not None and _is_cancelled(graph, operation)
        }
        if not cancelled:
            return
        operations = [operation for operation, _ in cancelled.values()]
        elements = sum(count for _, count in cancelled.values())
        names = ", ".join(map(graph.label, operations[: self.shown]))
        more = len(operations) - self.shown
        yield self.found(
            f"{elements:,} biases have no effect (limit 0): the normalisation after "
            f"{names}{f' and {more} more layers' if more > 0 else ''} cancels them.",
            "Set `bias=False` in these layers.",
            layer=operations[0].layer,
            site=graph.site(operations[0]),
            evidence={"biases": elements, "layers": len(operations)},
        )


def _is_cancelled(graph: Graph, operation: OperationRecord) -> bool:
    readers = graph.readers(operation)
    if not readers or graph.is_output(operation.index):
        return False
    bias = graph.bias(operation)
    return bias is not None and all(
        operator_of(each) in BATCH_NORMALIZATIONS and _channels(each) % bias.shape.count == 0
        for each in readers
    )


def _channels(normalization: OperationRecord) -> int:
    """Means that are subtracted; for an instance normalisation those of every example."""
    dimensions = normalization.outputs[0].dimensions
    return dimensions[1] if len(dimensions) > 1 else 0
