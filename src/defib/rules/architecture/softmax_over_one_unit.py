"""A softmax over a single unit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.architecture import Architecture
from defib.records.finding import Finding, Severity
from defib.rules.base import ArchitectureRule
from defib.rules.graph import Graph
from defib.rules.operators import CONVOLUTIONS, LOG_SOFTMAXES, SOFTMAXES, operator_of


@final
@dataclass(frozen=True)
class SoftmaxOverOneUnit(ArchitectureRule):
    """A softmax over a single unit.

    ## What it detects
    A softmax or log-softmax along an axis of size 1 that is the only unit or channel of the
    convolution or dense layer before it.

    ## Why it matters
    exp(x) / exp(x) is 1 for every input: the output is constant, its derivative is exactly 0
    and nothing before it learns. A single probability needs a sigmoid.

    ## How it is measured
    The size of the axis along which the softmax normalises. At least 2, as
    exp(x) / exp(x) = 1.

    ## Known false positives
    None known. An axis of positions (attention over one position of a short example) is none
    of units and is not reported.

    ## What to change
    A sigmoid with binary cross-entropy, or two output units with cross-entropy.

    ## References
    - Zhang, Zhai, Ma, Shen, *AutoTrainer* (2021), and Nikanjam et al., *NeuraLint* (2021).
    """

    severity = Severity.ERROR
    explains = ("constant-output",)

    def check_architecture(self, architecture: Architecture) -> Iterator[Finding]:
        graph = Graph(architecture)
        products = {each.index: each for each in graph.products}
        for softmax in graph.operations:
            if operator_of(softmax) not in SOFTMAXES | LOG_SOFTMAXES or softmax.axis is None:
                continue
            before = graph.source(softmax)
            if before is None or before.index not in products:
                continue
            # Units lie along axis 1 of a convolution, along the last axis of a dense layer.
            sizes = softmax.outputs[0].dimensions
            is_convolution = operator_of(before) in CONVOLUTIONS
            units = before.outputs[0].dimensions[1 if is_convolution else -1]
            axis = 1 if is_convolution and len(sizes) > 2 else len(sizes) - 1
            if softmax.axis != axis or not units == sizes[axis] <= 1:
                continue
            yield self.found(
                f"The {operator_of(softmax).replace('_', '-')} after {graph.label(before)} runs "
                f"over {units} unit (limit at least 2): its result does not "
                "depend on the input.",
                f"Use a sigmoid after {graph.label(before)}, or give it 2 units.",
                layer=softmax.layer,
                site=graph.site(softmax),
                evidence={"units": units},
            )
