"""Logits that went through a sigmoid or a ReLU on their way to the loss."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import CannotJudge, PreflightRule

LOGIT_LOSSES = ("cross_entropy", "binary_cross_entropy_with_logits")
SQUASHERS = {
    "SigmoidBackward0": "a sigmoid",
    "HardsigmoidBackward0": "a hard sigmoid",
    "ReluBackward0": "a ReLU",
    "ThresholdBackward0": "a ReLU",
    "TanhBackward0": "a tanh",
}
"""Nodes of autograd's graph that bound what passes them."""


@final
@dataclass(frozen=True)
class SquashedLogits(PreflightRule):
    """Logits that went through a sigmoid or a ReLU on their way to the loss.

    ## What it detects
    A loss that applies a sigmoid or softmax itself and received the result of a sigmoid, a tanh
    or a ReLU.

    ## Why it matters
    After a sigmoid all logits lie between 0 and 1: a binary loss can never say less than 50 %, and
    a softmax over C classes never more than e / (e + C - 1). A ReLU passes no gradient wherever
    the logit should be negative.

    ## How it is measured
    The operation that made what the loss function received, read from the autograd graph, and the
    range of these values at the first batch (`prediction_lowest`, `prediction_highest`).

    ## Known false positives
    A tanh on purpose before a cross-entropy, scaled by a temperature afterwards, is not seen here:
    the scaling is then the last operation.

    ## What to change
    Remove the last activation and pass logits; or, for a single sigmoid, use `BCELoss`.

    ## References
    - PyTorch documentation, `torch.nn.BCEWithLogitsLoss`: combines a sigmoid and the BCELoss.
    - Schoop, Huang, Hartmann, *UMLAUT* (2021); Nikanjam et al., *NeuraLint* (2021).
    """

    severity = Severity.ERROR
    requires_preflight = ("prediction_lowest",)
    explains = (
        "cannot-fit-one-batch",
        "input-not-used",
        "loss-plateau",
        "vanishing-gradient",
        "saturated-activation",
        "learning-rate-too-low",
        "initial-loss-off",
        "constant-output",
    )

    max_operations: int = 0
    """Bounded operations between the network and the loss: by definition."""

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        [(name, low)] = record.of("prediction_lowest").items()
        loss = record.loss
        if name not in LOGIT_LOSSES or loss is None:
            raise CannotJudge("the loss takes no logits")
        squasher = SQUASHERS.get(loss.input_operation)
        high = record.value("prediction_highest", name)
        if squasher and isfinite(low):
            yield self.found(
                f"`{name}`, which expects logits of any size, received the result of {squasher} "
                f"(limit none): values between {low:.3g} and {high:.3g}.",
                "Remove the last activation and pass logits to the loss.",
                site=loss.input_site or loss.site,
                evidence={"lowest": low, "highest": high},
            )
