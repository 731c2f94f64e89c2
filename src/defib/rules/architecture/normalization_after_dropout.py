"""Batch normalisation of a signal that dropout has changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.architecture import Architecture, DropoutRecord, OperationRecord
from defib.records.finding import Finding, Severity
from defib.rules.base import ArchitectureRule
from defib.rules.graph import Graph
from defib.rules.operators import ACTIVATIONS, BATCH_NORMALIZATIONS, operator_of


@final
@dataclass(frozen=True)
class NormalizationAfterDropout(ArchitectureRule):
    """Batch normalisation of a signal that dropout has changed.

    ## What it detects
    A dropout from which a batch normalisation is reached through non-linearities and at most
    `max_layers` convolutions or dense layers.

    ## Why it matters
    Dropout keeps the mean of a signal and raises its variance in training only: by
    1 / (1 - p) where the mean is 0, by more elsewhere. The normalisation learns this variance
    and divides by it in evaluation mode too, where it is not there: the outputs shift between
    training and evaluation, and the accuracy falls.

    ## How it is measured
    1 / (1 - p), the variance in training over that in evaluation mode (dimensionless), of an
    input of mean 0 whose units are independent. It is information, and a warning above
    `min_harmful`.

    ## Known false positives
    Most networks built so train well: two hidden layers of 128 units for 8x8 digits, batch
    normalised, lose no accuracy by a dropout of 0.2 between them, 0.3 points by one of 0.5 and
    1.5 by one of 0.7 (five seeds, `benchmarks/rule_experiments.py`). Layer and group normalisation
    keep no variance from training and are not reported. What a training loses shows as
    `evaluation-far-off`.

    ## What to change
    Put the dropout after the last normalisation, just before the last layer.

    ## References
    - Li, Chen, Hu, Yang, *Understanding the Disharmony between Dropout and Batch
      Normalization by Variance Shift* (2018), arXiv:1801.05134, section 3.
    """

    severity = Severity.INFO

    min_harmful: float = 2.0
    """Ratio of the variances above which it is a warning: dropout of more than 0.5. Source: the
    trainings told under the known false positives."""
    max_layers: int = 1
    """Layers with weights between the two. Source: the cases (a) and (b) of Li et al. (2018),
    section 3: directly before the normalisation, and before the layer before it."""

    def check_architecture(self, architecture: Architecture) -> Iterator[Finding]:
        graph = Graph(architecture)
        for dropout in architecture.dropouts:
            normalization = self._reached(graph, dropout)
            if normalization is not None and dropout.probability < 1:
                yield self._finding(graph, dropout, normalization)

    def _reached(self, graph: Graph, dropout: DropoutRecord) -> OperationRecord | None:
        """The first batch normalisation behind the dropout that is near enough."""
        pending = [(each, 0) for each in graph.readers_of_dropout(dropout)]
        products = {each.index for each in graph.products}
        while pending:
            operation, layers = pending.pop(0)
            if operator_of(operation) in BATCH_NORMALIZATIONS:
                return operation
            layers += operation.index in products
            is_passed = operation.index in products or operator_of(operation) in ACTIVATIONS
            if is_passed and layers <= self.max_layers:
                pending += [(each, layers) for each in graph.readers(operation)]
        return None

    def _finding(
        self, graph: Graph, dropout: DropoutRecord, normalization: OperationRecord
    ) -> Finding:
        ratio = 1 / (1 - dropout.probability)
        where = f"`{dropout.layer}`" if dropout.layer else f"`{graph.architecture.name}` itself"
        return self.found(
            f"The dropout of {where} makes the variance that {graph.label(normalization)} "
            f"normalises by {ratio:.3g} times larger in training than in evaluation (limit 1).",
            f"Move the dropout behind {graph.label(normalization)}, best to just before the last "
            "layer.",
            severity=Severity.WARNING if ratio > self.min_harmful else None,
            layer=normalization.layer,
            site=graph.site(normalization) or dropout.site,
            evidence={"probability": dropout.probability, "variance_ratio": ratio},
        )
