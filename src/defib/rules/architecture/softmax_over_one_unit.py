"""A softmax over a single unit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

from defib.records.architecture import Architecture
from defib.records.finding import Finding, Severity
from defib.records.run import LossFact, RunRecord
from defib.records.series import Series
from defib.rules.base import ArchitectureRule, CannotJudge, Rule
from defib.rules.graph import Graph
from defib.rules.operators import CONVOLUTIONS, LOG_SOFTMAXES, SOFTMAXES, operator_of


@final
@dataclass(frozen=True)
class SoftmaxOverOneUnit(Rule, ArchitectureRule):
    """A softmax over a single unit.

    ## What it detects
    A softmax or log-softmax along an axis of size 1 that is the only unit or channel of the
    convolution or dense layer before it.

    ## Why it matters
    exp(x) / exp(x) is 1 for every input: the output is constant, its derivative is exactly 0
    and nothing before it learns. A single probability needs a sigmoid.

    ## How it is measured
    The size of the axis along which the softmax normalises. At least 2, as
    exp(x) / exp(x) = 1. In the record of a training: what the loss received is the result of a
    softmax and was 1, to `tolerance` and without any spread, for all examples of every recorded
    batch; or a cross-entropy had log-probabilities of 0.

    ## Known false positives
    None known. An axis of positions (attention over one position of a short example) is none
    of units and is not reported.

    ## What to change
    A sigmoid with binary cross-entropy, or two output units with cross-entropy.

    ## References
    - Zhang, Zhai, Ma, Shen, *AutoTrainer* (2021), and Nikanjam et al., *NeuraLint* (2021).
    """

    severity = Severity.ERROR
    requires = ("prediction_mean", "prediction_std")
    explains = (
        "constant-output",
        "loss-plateau",
        "initial-loss-off",
        "parameter-unchanged",
        "vanishing-gradient",
        "learning-rate-too-low",
    )
    fixes = ("sigmoid", "replace-loss")

    patience: int = 3
    """Recorded batches: in one a softmax over several units may be sure of all examples."""
    tolerance: float = 1e-6
    """Distance from 1: Keras keeps probabilities 1e-7 away from it."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        judged = [(loss, _value_over_one_unit(loss)) for loss in run.losses]
        if all(value is None for _, value in judged):
            raise CannotJudge("no softmax before the loss or in it")
        for loss, value in judged:
            means = run.of("prediction_mean").get(loss.optimizer, Series.of(()))
            spreads = run.of("prediction_std").get(loss.optimizer, Series.of(()))
            if value is None or len(means) < self.patience:
                continue
            is_that = bool((abs(means.values - value) <= self.tolerance).all())
            if is_that and bool((spreads.values == 0).all()):
                yield self._finding_in_run(run, loss)

    def _finding_in_run(self, run: RunRecord, loss: LossFact) -> Finding:
        finding = self.found(
            "The softmax before the loss is 1 for every example since step 0, as one over "
            "1 unit is (limit at least 2): its result does not depend on the input.",
            "Use a sigmoid with binary cross-entropy, or 2 output units.",
            site=loss.input_site or loss.site,
            evidence={"units": 1},
        )
        return replace(finding, steps=(0, max(run.steps - 1, 0)))

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


def _value_over_one_unit(loss: LossFact) -> float | None:
    """What the loss receives of a softmax over one unit; `None` where it receives none."""
    if loss.kind == "cross-entropy":
        return 0.0  # Log-probabilities are recorded of it.
    return 1.0 if loss.input_operation.startswith("Softmax") else None
