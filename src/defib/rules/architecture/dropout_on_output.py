"""Dropout on the output of the network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.architecture import Architecture, DropoutRecord
from defib.records.finding import Finding, Severity
from defib.rules.base import ArchitectureRule
from defib.rules.graph import Graph
from defib.rules.operators import ACTIVATIONS, operator_of


@final
@dataclass(frozen=True)
class DropoutOnOutput(ArchitectureRule):
    """Dropout on the output of the network.

    ## What it detects
    A dropout after the last layer: between it and the output stand no weights, only
    reshapes and non-linearities.

    ## Why it matters
    No layer is left that could learn to do without the units: in training the predictions
    themselves are set to 0 at random, the others scaled up, and the loss cannot fall to what
    the network can do. In evaluation mode the fault is not seen.

    ## How it is measured
    Layers with weights behind the dropout, from the operators of the traced network. There
    must be at least 1, as in the equations of Srivastava et al., whose output is not thinned.

    ## Known false positives
    A network that is a part of a larger one and whose output is read by further layers.

    ## What to change
    Put the dropout before the last layer, or remove it.

    ## References
    - Srivastava et al., *Dropout* (2014), section 4: hidden and visible units are dropped.
    - Nikanjam et al., *NeuraLint* (2021): dropout and the last layer.
    """

    severity = Severity.WARNING

    def check_architecture(self, architecture: Architecture) -> Iterator[Finding]:
        graph = Graph(architecture)
        if not graph.products:
            return
        for dropout in architecture.dropouts:
            if _reaches_output(graph, dropout):
                where = f"`{dropout.layer}`" if dropout.layer else f"`{architecture.name}` itself"
                yield self.found(
                    f"0 layers with weights stand behind the dropout of {where} (limit at least "
                    f"1): in training {dropout.probability:.0%} of the outputs are set to 0.",
                    "Move the dropout before the last layer, or remove it.",
                    layer=dropout.layer,
                    site=dropout.site,
                    evidence={"probability": dropout.probability},
                )


def _reaches_output(graph: Graph, dropout: DropoutRecord) -> bool:
    """Whether everything that reads the dropout leads to the output without weights."""
    if dropout.after < 0:
        return False
    pending = list(graph.readers_of_dropout(dropout))
    found = graph.is_output(dropout.after, dropout.before)
    while pending:
        operation = pending.pop()
        if operator_of(operation) not in ACTIVATIONS:
            return False
        found = found or graph.is_output(operation.index)
        pending += graph.readers(operation)
    return found
