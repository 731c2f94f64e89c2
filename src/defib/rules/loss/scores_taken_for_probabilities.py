"""Scores in a loss that takes probabilities and cuts them off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.records.run import LossFact, RunRecord
from defib.records.series import Series
from defib.rules.base import PreflightRule, Rule
from defib.rules.course import is_harmed

_BINARY = "binary-cross-entropy"
_REMEDIES: Mapping[bool, str] = {
    True: "Pass the scores to a loss that takes scores, `from_logits=True` in Keras or "
    "`F.binary_cross_entropy_with_logits` in torch; or make them probabilities, with a sigmoid at "
    'the last layer (`activation="sigmoid"` in Keras).',
    False: "Pass the scores to a loss that takes scores, `from_logits=True` in Keras or "
    "`F.cross_entropy` in torch; or make them probabilities, with a softmax at the last layer "
    '(`activation="softmax"` in Keras).',
}
"""By whether the loss is a binary cross-entropy."""


@final
@dataclass(frozen=True)
class ScoresTakenForProbabilities(Rule, PreflightRule):
    """Scores in a cross-entropy that takes probabilities.

    ## What it detects
    A cross-entropy or binary cross-entropy of probabilities that received values below 0 or above
    1, and cut them off: an error where the training does badly, a warning else.

    ## Why it matters
    What is cut off has no gradient: an example whose right class is cut off teaches nothing. Keras
    also divides the scores by their sum, which may be near 0 or negative. Its losses take
    probabilities unless `from_logits=True` is given.

    ## How it is measured
    `prediction_share_outside`, in [0, 1]: values further than 0.01 outside of [0, 1], divided by
    all that the loss takes for probabilities; for classes in Keras after the division by their
    sum. The median over the recorded batches. In torch it is read from the autograd graph where a
    `clamp` stands before `binary_cross_entropy`, or before the logarithm in `nll_loss`.

    ## Known false positives
    A hard sigmoid written as a `clamp`, where a warning shows that it learns all the same. Outputs
    of which none is negative are shares of their sum in Keras, and are not reported.

    ## What to change
    `from_logits=True` in the loss of Keras, or `activation="softmax"` (`"sigmoid"` for the binary
    one) at the last layer; `F.cross_entropy` or `F.binary_cross_entropy_with_logits` in torch.

    ## References
    - Keras documentation, losses: `from_logits`, whether `y_pred` is expected to be logits.
    - Schoop, Huang, Hartmann, *UMLAUT* (2021): missing softmax before a cross-entropy.
    """

    severity = Severity.ERROR
    requires = ("prediction_share_outside",)
    requires_preflight = ("prediction_share_outside",)
    explains = (
        "scores-without-log-softmax",
        "initial-loss-off",
        "cannot-fit-one-batch",
        "loss-plateau",
        "loss-divergence",
        "loss-spike",
        "constant-output",
        "learning-rate-too-high",
        "learning-rate-too-low",
        "too-few-epochs",
        "underfitting",
        "vanishing-gradient",
        "exploding-gradient",
        "parameter-unchanged",
        "dead-relu",
        "negative-loss",
        "non-finite-value",
    )
    fixes = ("replace-loss",)

    max_share: float = 0.01
    """Share of the values, in [0, 1], in the median batch. Of probabilities none is outside."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        for optimizer, shares in run.of("prediction_share_outside").items():
            loss, share = run.loss_of(optimizer), float(np.median(shares.values))
            if loss is not None and share > self.max_share:
                yield self._finding(run, loss, shares, share)

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        for finding in self.check(record.first_step):
            yield replace(finding, severity=self.severity)

    def _finding(self, run: RunRecord, loss: LossFact, shares: Series, share: float) -> Finding:
        is_binary = loss.kind == _BINARY
        name = "binary cross-entropy" if is_binary else "cross-entropy"
        begun = int(shares.steps[np.argmax(shares.values > self.max_share)])
        return Finding(
            rule=self.name(),
            severity=Severity.ERROR if is_harmed(run, loss.optimizer) else Severity.WARNING,
            site=loss.site or loss.backward_site,
            steps=(begun, max(run.steps - 1, 0)),
            message=f"Of the values that the {name} takes for probabilities, {share:.0%} lie "
            f"outside of [0, 1] (limit {self.max_share:.0%}): they are scores, and are cut off.",
            evidence={"share_outside": share},
            remedy=_REMEDIES[is_binary],
            # In torch no experiment gets hold of the scores before they were cut off.
            fixes=self.fixes if "keras" in run.versions else (),
        )
