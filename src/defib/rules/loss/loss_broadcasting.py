"""Predictions and targets of different shapes in a loss of pairs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import LossCall, PreflightRecord
from defib.records.run import LossFact, RunRecord
from defib.rules.base import CannotJudge, PreflightRule, Rule
from defib.rules.failure import is_failing

ELEMENTWISE = frozenset(
    {"mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "soft_margin_loss", "kl_div"}
    | {"poisson_nll_loss"}
)
"""Losses that compare entry by entry, and stretch what does not fit."""
KINDS = ("mean-squared-error", "mean-absolute-error", "smooth-l1", "huber")


@final
@dataclass(frozen=True)
class LossBroadcasting(Rule, PreflightRule):
    """Predictions and targets of different shapes in a loss of pairs.

    ## What it detects
    A loss that compares numbers pair by pair, such as the squared error, called with tensors of
    different shapes: (N, 1) against (N), say.

    ## Why it matters
    Broadcasting compares each of the N predictions with each of the N targets. The best answer
    is then the mean of all targets: the network learns that and nothing else, and the loss stays
    at the variance of the targets.

    ## How it is measured
    The shapes with which the loss function of torch was called, at the first batch. In the record
    of a training: the operation that made what the loss function received, where that is an
    expansion. Of a loss that is written by hand, `((predictions - targets) ** 2).mean()`, both see
    the graph: a subtraction that makes N x N differences of N predictions.

    ## Known false positives
    One target for all predictions, on purpose: write `expand_as`.

    ## What to change
    Give both the same shape: `predictions.squeeze(1)` or `targets.unsqueeze(1)`.

    ## References
    - PyTorch, `torch.nn.functional.mse_loss`: warns of a target size that differs.
    """

    severity = Severity.ERROR
    explains = ("constant-output", "cannot-fit-one-batch", "input-not-used", "loss-plateau")
    fixes = ("match-target-shape",)

    operation: str = "ExpandBackward0"
    """Node of the autograd graph that stretches a tensor. Source: PyTorch."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        judged = [loss for loss in run.losses if loss.kind in KINDS]
        if not judged:
            raise CannotJudge("the loss does not compare numbers pair by pair")
        for loss in judged:
            if loss.input_operation == self.operation:
                yield self._finding_in_run(run, loss)

    def _finding_in_run(self, run: RunRecord, loss: LossFact) -> Finding:
        failing = is_failing(run, loss.optimizer)
        finding = self.found(
            "The predictions were stretched to another shape before the loss compared them with "
            "the targets (limit: the same shape), since step 0: each prediction is compared with "
            "each target.",
            "Call the loss with `predictions.squeeze(1)`, or with `targets.unsqueeze(1)`.",
            severity=Severity.ERROR if failing else Severity.WARNING,
            site=loss.site or loss.backward_site,
            evidence={"input_operation": loss.input_operation},
        )
        return replace(finding, steps=(0, max(run.steps - 1, 0)))

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        calls = [each for each in record.loss_calls if each.name in ELEMENTWISE]
        if not calls:
            # Written by hand, it is known from its graph alone.
            for finding in self.check(record.first_step):
                yield replace(finding, severity=self.severity)
        for call in calls:
            if not _fits(call):
                yield self._finding(call)

    def _finding(self, call: LossCall) -> Finding:
        predictions, targets = call.prediction_shape, call.target_shape
        remedy = (
            "Call the loss with `predictions.squeeze(1)`, or with `targets.unsqueeze(1)`."
            if len(predictions) == len(targets) + 1 and predictions[-1] == 1
            else "Give predictions and targets the same shape."
        )
        return self.found(
            f"`{call.name}` compares predictions of shape {predictions} with targets of shape "
            f"{targets} (limit: the same shape): broadcasting pairs what does not belong together.",
            remedy,
            site=call.site,
            evidence={"prediction_shape": str(predictions), "target_shape": str(targets)},
        )


def _fits(call: LossCall) -> bool:
    # A single number for all is meant so.
    return call.prediction_shape == call.target_shape or () in (
        call.prediction_shape,
        call.target_shape,
    )
