"""Gradients that are clipped at nearly every step, far below their size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from defib.records.finding import Finding, Severity
from defib.records.run import Event, RunRecord
from defib.records.series import Series
from defib.rules.adaptive import gradient_over_epsilon
from defib.rules.base import CannotJudge, Rule
from defib.rules.harm import learns_little, severity_by_harm


@final
@dataclass(frozen=True)
class ClippingTooTight(Rule):
    """Gradients that are clipped at nearly every step, far below their size.

    ## What it detects
    A training that learns little, and a norm of all gradients that equals the limit of the
    clipping at more than `max_share` of the recorded steps, for an optimiser whose steps are as
    small as its gradients.

    ## Why it matters
    Clipping is a guard against the rare huge gradient. Where it acts at every step, it replaces
    the size of every gradient by one number, and a small number makes small steps: the
    learning rate that was set is not the one that acts.

    ## How it is measured
    `total_gradient_norm`, as the optimiser gets it, against the limit that the script gave to
    `torch.nn.utils.clip_grad_norm_`; the share of recorded steps at which both agree. Adam and
    RMSprop divide by the size of the gradient: a limit that always acts changes none of their
    steps, unless it leaves gradients (root mean square over all parameters) of less than
    `min_over_epsilon` times their `eps`.

    ## Known false positives
    A training that learns little for another reason. Gradients that are normalised at every
    step on purpose are silent while the training learns.

    ## What to change
    Raise the limit to a typical gradient norm, or raise the learning rate instead.

    ## References
    - Godbole et al., *Deep Learning Tuning Playbook* (2023): if more than half of the steps are
      clipped, the learning rate is wrong.
    - Pascanu, Mikolov, Bengio, *On the difficulty of training recurrent neural networks* (2013).
    """

    severity = Severity.ERROR
    requires = ("total_gradient_norm",)
    explains = (
        "learning-rate-too-low",
        "loss-plateau",
        "too-few-epochs",
        "vanishing-gradient",
        "parameter-unchanged",
        "underfitting",
    )
    fixes = ("raise-clipping-limit", "raise-learning-rate")

    max_share: float = 0.5
    """Share of the recorded steps, in [0, 1]. Source: Deep Learning Tuning Playbook."""
    tolerance: float = 1e-3
    """Relative difference of norm and limit: `clip_grad_norm_` adds 1e-6 to the norm."""
    min_over_epsilon: float = 10.0
    """Root mean square gradient over epsilon, dimensionless, above which no limit slows an adaptive
    optimiser down. Source: `benchmarks/rule_experiments.py`; on the digits Adam, AdamW and RMSprop
    end with no more loss with any limit down to 14 times, and 1.7 to 1.9 times as much at 1.4."""
    min_samples: int = 5
    """Recorded steps below which the rule does not judge."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        clipping = next((each for each in run.events if each.kind == "gradient-clipping"), None)
        if clipping is None:
            raise CannotJudge("no gradient was clipped by `torch.nn.utils`")
        limit = float(clipping.detail.get("limit", 0.0))
        for optimizer, series in run.of("total_gradient_norm").items():
            norms = series.finite()
            if len(norms) < self.min_samples or limit <= 0:
                continue
            share = float((np.abs(norms.values / limit - 1) < self.tolerance).mean())
            if gradient_over_epsilon(run, optimizer) > self.min_over_epsilon:
                continue
            if share > self.max_share and learns_little(run, optimizer):
                yield self._finding(run, optimizer, norms, share, clipping)

    def _finding(
        self, run: RunRecord, optimizer: str, norms: Series, share: float, clipping: Event
    ) -> Finding:
        limit = float(clipping.detail["limit"])
        finding = self.found(
            f"The gradient is clipped to a norm of {limit:g} at {share:.0%} of the recorded steps "
            f"(limit {self.max_share:.0%}) since step {norms.steps[0]}, and the loss hardly falls.",
            f"Clip to 10 to 100 times as much, or raise the learning rate of `{optimizer}`.",
            severity=severity_by_harm(run, optimizer),
            site=clipping.site,
            evidence={"clipping_limit": limit, "share_of_steps_clipped": share},
        )
        return replace(finding, steps=(int(norms.steps[0]), int(norms.steps[-1])))
