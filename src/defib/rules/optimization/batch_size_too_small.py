"""A batch whose gradient is almost all noise."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import CannotJudge, PreflightRule
from defib.rules.noise_scale import MEASURED, batch_trial, first_noise_scale


@final
@dataclass(frozen=True)
class BatchSizeTooSmall(PreflightRule):
    """A batch whose gradient is almost all noise.

    ## What it detects
    A batch of fewer than 8 examples, more than `min_ratio` times smaller than the gradient noise
    scale with the initial weights, with which a copy gets less than `max_share` as far as with one
    16 times as large, after as many examples, or with which alone its loss becomes no number.

    ## Why it matters
    In such a batch the noise of the examples is more than ten times as strong as the gradient.
    A batch as large as the noise scale makes as much progress in an eleventh of the steps, at next
    to no cost in examples, and a device that computes it in about the same time waits for the
    steps. With a learning rate that suits larger batches the weights follow the noise, and the loss
    stays above what they could reach. With a small one such a training arrives as well.

    ## How it is measured
    Noise scale: `gradient_noise` (trace of the covariance of the gradients of examples) over
    `gradient_signal` (squared norm of the true gradient), from 32 parts of up to 2048 examples on
    a copy. Compared is its lower end, at two standard errors of the signal. `batch_trial_progress`
    (unit of the loss): how far the loss of held-out examples fell on two copies that saw as many
    examples, up to 5 epochs of 2048, in batches of both sizes.

    ## Known false positives
    Scripts that accumulate the gradients of several batches for one step: their batch is the sum.
    Networks that see little of each example (dropout) have this noise at any batch size.

    ## What to change
    A larger batch, with a learning rate larger by as much or its root, or gradients accumulated
    over several batches. The noise scale grows as the loss falls: so may the batch
    (`docs/schedules.md`, batch growth).

    ## References
    - McCandlish, Kaplan, Amodei et al., *An Empirical Model of Large-Batch Training* (2018),
      arXiv:1812.06162: 2.2 and appendix A.1; steps 1 + scale / batch times the fewest.
    - Smith, Kindermans, Ying, Le, *Don't Decay the Learning Rate, Increase the Batch Size* (2018).
    """

    severity = Severity.WARNING
    requires_preflight = MEASURED

    min_ratio: float = 10.0
    """Noise scale over batch, dimensionless: at 10 a training takes 11 times the fewest steps
    with which any batch size arrives (McCandlish et al. 2018, equation 2.11)."""

    max_share: float = 0.5
    """Progress of the own size over that of the other, dimensionless. The lowest of the healthy
    trainings with batches of 1 to 4 (`defib.healthy`) has 2.5."""

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        scale = first_noise_scale(record)
        if math.isnan(scale.low):
            raise CannotJudge("the first gradients are not finite")
        if scale.low <= self.min_ratio * scale.batch:
            # Only a scale whose other end is not above the limit either is surely no larger.
            if scale.high > self.min_ratio * scale.batch:
                raise CannotJudge(
                    f"the noise scale is between {scale.low:.3g} and {scale.high:.3g} examples: "
                    "whether a larger batch would save steps is not clear"
                )
            return
        trial = batch_trial(record)
        is_behind = trial.other > 0 and trial.own < self.max_share * trial.other
        is_lost = not math.isfinite(trial.own) and math.isfinite(trial.other)
        if not is_behind and not is_lost:
            return
        yield self.found(
            f"The batch holds {scale.batch:.0f} examples, and the noise scale of the gradient is "
            f"at least {scale.low:.3g} (limit {self.min_ratio:g} times the batch): a step is "
            f"almost all noise. {trial.sentence()}",
            f"Take batches of {trial.other_size:.0f} examples or more, accumulate the gradients of "
            "so many before a step, or lower the learning rate.",
            site=next((each.site for each in record.facts.loaders), None),
            evidence={
                "noise_scale_low": scale.low,
                "batch_examples": scale.batch,
                "own_progress": trial.own,
                "other_progress": trial.other,
            },
        )
