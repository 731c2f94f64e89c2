"""ReLU layers so narrow that the network may be constant from the start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, log2, prod
from typing import final

from defib.records.architecture import Architecture, OperationRecord
from defib.records.finding import Finding, Severity
from defib.rules.base import ArchitectureRule
from defib.rules.graph import NETWORK_INPUT, Graph
from defib.rules.operators import DENSE_PRODUCTS, NORMALIZATIONS, RECTIFIERS, operator_of


@final
@dataclass(frozen=True)
class TooNarrowForDepth(ArchitectureRule):
    """ReLU layers so narrow that the network may be constant from the start.

    ## What it detects
    A plain chain of dense ReLU layers, without shortcuts and normalisation, whose probability
    to be born dead may be above `max_probability`.

    ## Why it matters
    If all units of one layer are 0 for every input, the output is constant and no gradient
    passes: whatever the loss and the optimiser, nothing but the last bias is trained. Among
    random initialisations the share of such networks grows with depth and falls with width.

    ## How it is measured
    An upper bound, 1 - prod(1 - 2^-N) over the hidden ReLU layers of N units (dimensionless, in
    [0, 1]), for weights and biases that are symmetric around 0. The first hidden layer is left
    out where it reads the input: for inputs of both signs it cannot die. The bound is exact
    for a single input and loose for inputs that differ much.

    ## Known false positives
    The bound is no certainty: another seed often works. An initialisation that is not
    symmetric (positive biases) dies less.

    ## What to change
    Wider layers or fewer of them, a leaky ReLU, shortcuts or batch normalisation.

    ## References
    - Lu, Shin, Su, Karniadakis, *Dying ReLU and Initialization* (2019), arXiv:1903.06733,
      theorem on the upper bound; figure of the depths at 1 % and 10 %.
    """

    severity = Severity.WARNING
    explains = ("dead-relu", "constant-output")

    max_probability: float = 0.1
    """Upper bound of the probability, in [0, 1]. Source: Lu et al. (2019), who give the depth
    that is safe for 1 % and for 10 %; the laxer one."""

    def check_architecture(self, architecture: Architecture) -> Iterator[Finding]:
        graph = Graph(architecture)
        if not _is_plain_chain(graph):
            return
        hidden = [each for each in graph.products if _is_hidden_rectified(graph, each)]
        widths = [each.outputs[0].dimensions[-1] for each in hidden if not _is_first(graph, each)]
        probability = 1 - prod(1 - 2.0**-width for width in widths)
        if probability <= self.max_probability:
            return
        narrowest = min(hidden, key=lambda each: each.outputs[0].dimensions[-1])
        enough = ceil(-log2(1 - (1 - self.max_probability) ** (1 / len(widths))))
        yield self.found(
            f"{len(widths)} dense ReLU layers of {_range(widths)} units: with a probability of up "
            f"to {probability:.0%} the network is constant from the start (limit "
            f"{self.max_probability:.0%}).",
            f"Give each of these layers {enough} units or more, or use a leaky ReLU.",
            layer=narrowest.layer,
            site=graph.site(narrowest),
            evidence={"born_dead_upper_bound": probability, "layers": len(widths)},
        )


def _is_plain_chain(graph: Graph) -> bool:
    return all(
        len(graph.feeds(each)) <= 1 and operator_of(each) not in NORMALIZATIONS
        for each in graph.operations
    )


def _is_hidden_rectified(graph: Graph, product: OperationRecord) -> bool:
    readers = graph.readers(product)
    is_rectified = bool(readers) and all(operator_of(each) in RECTIFIERS for each in readers)
    is_last = graph.products[-1].index == product.index
    return is_rectified and not is_last and operator_of(product) in DENSE_PRODUCTS


def _is_first(graph: Graph, product: OperationRecord) -> bool:
    """Whether it reads the network's input itself."""
    return graph.source(product) is None and NETWORK_INPUT in _origins(graph, product)


def _origins(graph: Graph, product: OperationRecord) -> set[int]:
    feeds = graph.feeds(product)
    while len(feeds) == 1 and feeds[0] != NETWORK_INPUT:
        feeds = graph.feeds(graph.architecture.operations[feeds[0]])
    return set(feeds)


def _range(widths: list[int]) -> str:
    smallest, largest = min(widths), max(widths)
    return str(smallest) if smallest == largest else f"{smallest} to {largest}"
