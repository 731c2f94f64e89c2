"""Two non-linearities in sequence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.architecture import Architecture, OperationRecord
from defib.records.finding import Finding, Severity
from defib.rules.base import ArchitectureRule
from defib.rules.graph import Graph
from defib.rules.operators import (
    ACTIVATIONS,
    LOG_SOFTMAXES,
    NEVER_NEGATIVE,
    RECTIFIERS,
    operator_of,
)


@final
@dataclass(frozen=True)
class ActivationTwice(ArchitectureRule):
    """Two non-linearities in sequence.

    ## What it detects
    A non-linearity that reads the result of another one, with nothing but reshapes and
    dropout between them: a ReLU in a module and again in `forward`, a sigmoid after a ReLU.

    ## Why it matters
    A ReLU after a result that is never negative does nothing (told, no more). Any other
    second non-linearity narrows the range of the first: a sigmoid after a ReLU is never
    below 1/2, a softmax after a ReLU cannot tell the negative scores apart.

    ## How it is measured
    The operators of the traced network, who reads whose result. The limit is 1 non-linearity
    between two layers.

    ## Known false positives
    Non-linearities that are put together by hand on purpose. Where the result is a gate (it
    is multiplied with another signal, as in a hand-written Mish), nothing is reported, nor
    where either of the two is a log-softmax.

    ## What to change
    Remove one of the two; keep the one that fits the layer after it.

    ## References
    - Nikanjam et al., *NeuraLint* (2021): redundant and stacked activations.
    """

    severity = Severity.WARNING

    def check_architecture(self, architecture: Architecture) -> Iterator[Finding]:
        graph = Graph(architecture)
        for second in graph.operations:
            first = graph.source(second)
            if first is None or not _is_pair(first, second) or _is_gate(graph, second):
                continue
            yield self._finding(graph, first, second)

    def _finding(self, graph: Graph, first: OperationRecord, second: OperationRecord) -> Finding:
        names = operator_of(first), operator_of(second)
        is_idle = names[1] in RECTIFIERS and names[0] in NEVER_NEGATIVE
        effect = "which changes nothing" if is_idle else "which narrows its range again"
        return self.found(
            f"2 non-linearities in sequence (limit 1): the {_word(names[0])} of "
            f"{graph.label(first)} is followed by the {_word(names[1])} of "
            f"{graph.label(second)}, {effect}.",
            "Remove one of the two, and keep the one that fits what reads it.",
            layer=second.layer,
            site=graph.site(second),
            severity=Severity.INFO if is_idle else self.severity,
            evidence={"first": names[0], "second": names[1]},
        )


def _is_pair(first: OperationRecord, second: OperationRecord) -> bool:
    names = {operator_of(first), operator_of(second)}
    # The logarithm of a softmax is no squashing: softmax and log-softmax undo nothing of it.
    return names <= ACTIVATIONS and names.isdisjoint(LOG_SOFTMAXES)


def _is_gate(graph: Graph, operation: OperationRecord) -> bool:
    return any(
        operator_of(each) == "mul" and len(graph.feeds(each)) > 1
        for each in graph.readers(operation)
    )


def _word(operator: str) -> str:
    return operator.removesuffix("_kernel").replace("_", " ")
