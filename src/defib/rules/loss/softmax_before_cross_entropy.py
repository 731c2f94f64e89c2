"""A softmax whose result goes into a loss that applies a softmax itself."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

from defib.records.architecture import Architecture, OperationRecord
from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.records.run import LossFact, RunRecord
from defib.rules.base import ArchitectureRule, CannotJudge, PreflightRule, Rule
from defib.rules.course import is_harmed
from defib.rules.graph import Graph
from defib.rules.operators import SOFTMAXES, operator_of


@final
@dataclass(frozen=True)
class SoftmaxBeforeCrossEntropy(Rule, ArchitectureRule, PreflightRule):
    """A softmax whose result goes into a loss that applies a softmax itself.

    ## What it detects
    A cross-entropy loss that received the result of a softmax instead of logits.

    ## Why it matters
    The second softmax sees inputs between 0 and 1. With C classes the loss cannot fall
    below log(1 + (C - 1) / e), the gradient is many times smaller, and it vanishes where
    the first softmax is sure, right or wrong.

    ## How it is measured
    The operation that made what the loss function received, read from the autograd graph.
    Without a training: the operation that makes the output of the network, where the loss is
    known to be a cross-entropy.

    ## Known false positives
    None known. `log_softmax` before cross-entropy changes nothing and is not reported.

    ## What to change
    Remove the softmax from the end of the model and pass logits; apply softmax only where
    probabilities are shown.

    ## References
    - PyTorch documentation, `torch.nn.CrossEntropyLoss`: the input is unnormalised logits.
    - Nikanjam et al., *NeuraLint* (2021).
    """

    severity = Severity.ERROR
    explains = ("loss-plateau", "too-few-epochs", "vanishing-gradient", "learning-rate-too-low")
    fixes = ("remove-softmax",)

    operation: str = "SoftmaxBackward0"
    """Node of the autograd graph that belongs to a softmax. Source: PyTorch."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        if not run.losses:
            raise CannotJudge("no loss was read")
        for loss in run.losses:
            if loss.kind == "cross-entropy" and loss.input_operation == self.operation:
                yield self._finding(run, loss)

    def check_architecture(self, architecture: Architecture) -> Iterator[Finding]:
        if not architecture.loss_kind:
            raise CannotJudge("the loss is not known")
        graph = Graph(architecture)
        if architecture.loss_kind == "cross-entropy":
            for operation in graph.operations:
                if operator_of(operation) in SOFTMAXES and graph.is_output(operation.index):
                    yield self._finding_without_run(graph, operation)

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        for finding in self.check(record.first_step):
            yield replace(finding, severity=self.severity)

    def _finding_without_run(self, graph: Graph, softmax: OperationRecord) -> Finding:
        sizes = softmax.outputs[0].dimensions
        classes = sizes[softmax.axis] if softmax.axis is not None else 0
        return self.found(
            f"The output of `{graph.architecture.name}` is the result of a softmax (limit none), "
            f"and the cross-entropy loss applies one itself: it cannot fall{_floor(classes)}.",
            "Pass logits to the loss: remove the softmax at the end of the model.",
            layer=softmax.layer,
            site=graph.site(softmax),
            evidence={"classes": classes},
        )

    def _finding(self, run: RunRecord, loss: LossFact) -> Finding:
        floor = _floor(len(run.of("label_count")))
        return Finding(
            rule=self.name(),
            severity=Severity.ERROR if is_harmed(run, loss.optimizer) else Severity.WARNING,
            site=loss.input_site or loss.site,
            steps=(0, max(run.steps - 1, 0)),
            message="The cross-entropy loss, which applies a softmax itself, received the result "
            f"of a softmax since step 0: it cannot fall{floor}.",
            evidence={"input_operation": loss.input_operation},
            remedy="Pass logits to the loss: remove the softmax at the end of the model.",
            fixes=self.fixes,
        )


def _floor(classes: int) -> str:
    """How far the loss of probabilities that are taken for logits can fall."""
    return f" below {math.log1p((classes - 1) / math.e):.2g}" if classes > 1 else " to 0"
