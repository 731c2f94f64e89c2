"""A batch far larger than what its gradient needs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import CannotJudge, PreflightRule
from defib.rules.noise_scale import MEASURED, batch_trial, first_noise_scale

WHOLE_BATCH = ("LBFGS", "Rprop")
"""Optimisers that compare gradients of successive steps, for which noise is poison."""


@final
@dataclass(frozen=True)
class BatchSizeTooLarge(PreflightRule):
    """A batch far larger than what its gradient needs.

    ## What it detects
    A batch of which an epoch has fewer than 10, more than `min_ratio` times larger than the
    gradient noise scale with the initial weights, with which a copy gets less than `max_share` as
    far as with a sixteenth of it, after as many examples. It is information: what it costs is
    time, and trainings on all data at once arrive as well after enough epochs.

    ## Why it matters
    A batch a tenth as large gives nearly the same gradient. With as many examples as one step
    takes now, ten steps could be taken: a training on the whole data set at once gets one step out
    of an epoch.

    ## How it is measured
    Noise scale: `gradient_noise` (trace of the covariance of the gradients of examples) over
    `gradient_signal` (squared norm of the true gradient), from 32 parts of up to 2048 examples on
    a copy. Compared is its upper end, at two standard errors of the signal. `batch_trial_progress`
    (unit of the loss): how far the loss of held-out examples fell on two copies that saw as many
    examples, up to 5 epochs of those at hand, in batches of both sizes.

    ## Known false positives
    The noise scale grows as the loss falls, often tenfold and more: what is too large for the
    first steps may fit the last ones. Losses that compare the examples of a batch with each
    other. Devices on which a large batch takes no longer than a small one. `LBFGS` and `Rprop`,
    which need exact gradients, are left alone.

    ## What to change
    Begin with batches of about the noise scale and let them grow (`docs/schedules.md`,
    `GrowingBatchSampler`), with a learning rate that is smaller by as much, or its root.

    ## References
    - McCandlish, Kaplan, Amodei et al., *An Empirical Model of Large-Batch Training* (2018),
      arXiv:1812.06162: 2.2 and 2.4; examples 1 + batch / scale times the fewest.
    - Smith, Kindermans, Ying, Le, *Don't Decay the Learning Rate, Increase the Batch Size* (2018).
    """

    severity = Severity.INFO
    requires_preflight = MEASURED

    min_ratio: float = 10.0
    """Batch over noise scale, dimensionless: at 10 a training takes 11 times the fewest examples
    with which any batch size arrives (McCandlish et al. 2018, equation 2.11)."""

    max_share: float = 0.25
    """Progress of the own size over that of the other, dimensionless. The lowest of the healthy
    trainings on all data at once (`defib.healthy`) whose noise scale is low enough has 0.37."""

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        if any(each.kind in WHOLE_BATCH for each in record.facts.optimizers):
            raise CannotJudge("LBFGS and Rprop need exact gradients")
        scale = first_noise_scale(record)
        if math.isnan(scale.low):
            raise CannotJudge("the first gradients are not finite")
        if scale.batch <= self.min_ratio * scale.high:
            if scale.batch > self.min_ratio * scale.low:
                raise CannotJudge(
                    f"the noise scale is between {scale.low:.3g} and {scale.high:.3g} examples: "
                    "whether a smaller batch would do is not clear"
                )
            return
        trial = batch_trial(record)
        if not (trial.other > 0 and trial.own < self.max_share * trial.other):
            return
        yield self.found(
            f"The batch holds {scale.batch:.0f} examples, and the noise scale of the first "
            f"gradient is at most {scale.high:.3g} (limit {1 / self.min_ratio:g} of the "
            f"batch). {trial.sentence()}",
            f"Begin with batches of about {trial.other_size:.0f} examples, and let them grow as "
            "the loss falls.",
            site=next((each.site for each in record.facts.loaders), None),
            evidence={
                "noise_scale_high": scale.high,
                "batch_examples": scale.batch,
                "own_progress": trial.own,
                "other_progress": trial.other,
            },
        )
