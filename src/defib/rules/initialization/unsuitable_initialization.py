"""Initial weights from which a network does not learn, while it does from its layers' own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import CannotJudge, PreflightRule
from defib.rules.fit import LEARNS_NOTHING, best_fit, fit_of, names_clipping, require_fit


@final
@dataclass(frozen=True)
class UnsuitableInitialization(PreflightRule):
    """Initial weights from which a network does not learn, while it does from its layers' own.

    ## What it detects
    A training that does not learn its first batch, with any learning rate that was tried, and
    that does once every layer has drawn its weights anew in its own way.

    ## Why it matters
    Weights that are too large or too small multiply signal and gradient in every layer. The
    network then begins in a place that no learning rate leads out of.

    ## How it is measured
    `fit_loss` of copies trained on the first batch: with the weights as they are, and after
    `reset_parameters()` of every layer that has it (`reset`), by the same optimiser; at the end,
    over the first loss or that of the best constant prediction. Information where the script clips
    gradients and a copy with clipped ones learns the batch.

    ## Known false positives
    Pretrained weights at a learning rate that destroys them.

    ## What to change
    Leave out the initialisation, or use He for ReLU, Glorot for tanh and sigmoid.

    ## References
    - He, Zhang, Ren, Sun, *Delving Deep into Rectifiers* (2015).
    - Glorot, Bengio, *Understanding the difficulty of training deep feedforward neural
      networks* (2010).
    """

    severity = Severity.ERROR
    requires_preflight = ("fit_loss",)
    explains = (
        "initial-loss-off",
        "learning-rate-too-high",
        "learning-rate-too-low",
        "constant-output",
        "cannot-fit-one-batch",
        "input-not-used",
        "loss-plateau",
    )

    max_reset_fit: float = 0.7
    """Fit from the layers' own weights, dimensionless, below which the batch was learnt: as
    `LearningRateTooHigh.max_slower_fit`."""

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        own = require_fit(record)
        if own <= LEARNS_NOTHING:
            return
        reset, slower = fit_of(record, "reset"), fit_of(record, "slower")
        if reset is None or slower is None:
            raise CannotJudge("no time was left to try other initial weights")
        others = best_fit(record, "slower", "faster")
        if reset <= self.max_reset_fit and (others is None or others > LEARNS_NOTHING):
            end = f"ends at {own:.0%} of its start" if isfinite(own) else "is no number"
            yield self.found(
                f"Trained on the first batch alone, the loss {end} (limit {LEARNS_NOTHING:.0%}), "
                "also with a thirtieth and thirty times the learning rate; after "
                f"`reset_parameters()` of its layers it ends at {reset:.0%}.",
                "Leave out the initialisation of your own, or use He (ReLU) or Glorot (tanh, "
                "sigmoid).",
                severity=Severity.INFO if self._is_clipped(record) else None,
                evidence={"fit": own, "fit_after_reset": reset},
            )

    def _is_clipped(self, record: PreflightRecord) -> bool:
        """Whether the script clips gradients, and a copy with clipped ones learns the batch."""
        clipped = fit_of(record, "clipped")
        return names_clipping(record) and clipped is not None and clipped <= self.max_reset_fit
