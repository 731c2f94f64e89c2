"""Layers that learn a thousand times slower than others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from defib.records.finding import Finding, Severity
from defib.records.run import ParameterFact, RunRecord
from defib.records.series import Series
from defib.rules.base import CannotJudge, Rule
from defib.rules.harm import severity_by_harm
from defib.rules.weights import trained_weights, usual_gradients, usual_step


@final
@dataclass(frozen=True)
class UnevenLearning(Rule):
    """Layers that learn a thousand times slower than others.

    ## What it detects
    Weight matrices of one optimiser whose usual relative steps differ by more than `max_ratio`,
    though each has a gradient: information in a training that learns.

    ## Why it matters
    The slow layers stay as they were initialised, and the fast ones learn from the features of
    a network that is practically random. Where the slow layers are the first ones, their
    learning rate was most often set apart and forgotten, or meant for a pretrained network.

    ## How it is measured
    `update_ratio` (length of the step over norm of the weight, or of a usual initialisation where
    that is larger), median over the recorded steps: the largest over the smallest of the weights.

    ## Known false positives
    A training that learns little for another reason, with rates that differ on purpose, as in
    fine-tuning. Weights whose steps are exactly 0 are another finding.

    ## What to change
    Give all parameter groups the same learning rate, or let them differ by 10 at most.

    ## References
    - Howard, Ruder, *Universal Language Model Fine-tuning* (2018): 2.6 from layer to layer.
    - Ben Braiek, Khomh, *TheDeepChecker* (2023): ratio of step and weight for each layer.
    """

    severity = Severity.ERROR
    requires = ("update_ratio", "parameter_norm", "gradient_norm")
    explains = ("loss-plateau", "too-few-epochs", "learning-rate-too-low", "underfitting")
    fixes = ("same-learning-rate",)

    max_ratio: float = 1000.0
    """Largest over smallest usual step, dimensionless. The largest of 236 healthy trainings
    (`defib.healthy`) has 11; rates that differ by 100 on purpose are left alone."""
    min_gradient: float = 1e-3
    """Root mean square gradient over the largest of the optimiser's weights, dimensionless: a
    smaller one explains a slow layer, and is another finding. As in `VanishingGradient`."""
    min_samples: int = 5
    """Recorded steps of a weight below which it is left out."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        judged = False
        for optimizer in run.optimizers:
            sizes = self._usual_steps(run, optimizer.name)
            judged = judged or len(sizes) > 1
            if len(sizes) < 2:
                continue
            slow, fast = min(sizes, key=_size), max(sizes, key=_size)
            if fast[1] > self.max_ratio * slow[1]:
                yield self._finding(run, optimizer.name, slow, fast)
        if not judged:
            raise CannotJudge("fewer than two weights have recorded steps")

    def _usual_steps(self, run: RunRecord, optimizer: str) -> list[tuple[ParameterFact, float]]:
        gradients = usual_gradients(run, optimizer)
        largest = max((each for each in gradients.values() if each == each), default=0.0)
        found = []
        for weight in trained_weights(run, optimizer):
            samples = len(run.of("update_ratio").get(weight.name, Series.of(())))
            has_gradient = gradients.get(weight.name, 0.0) > self.min_gradient * largest
            if samples < self.min_samples or not has_gradient:
                continue
            usual = usual_step(run, weight)
            if usual > 0 and np.isfinite(usual):
                found.append((weight, usual))
        return found

    def _finding(
        self,
        run: RunRecord,
        optimizer: str,
        slow: tuple[ParameterFact, float],
        fast: tuple[ParameterFact, float],
    ) -> Finding:
        (first, low), (second, high) = slow, fast
        finding = self.found(
            f"A usual step changes `{first.name}` by {low:.1g} of its norm and `{second.name}` by "
            f"{high:.1g}, {high / low:.1g} times as much (limit {self.max_ratio:g}), since step 0.",
            f"Give all parameter groups of `{optimizer}` the same learning rate.",
            layer=first.layer,
            severity=severity_by_harm(run, optimizer),
            site=run.site_of_optimizer(optimizer),
            evidence={"slowest_step": low, "fastest_step": high},
        )
        return replace(finding, steps=(0, max(run.steps - 1, 0)))


def _size(each: tuple[ParameterFact, float]) -> float:
    return each[1]
