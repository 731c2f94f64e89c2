"""A network that gets better on the training data and worse on others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.run import RunRecord
from defib.rules.base import CannotJudge, Rule
from defib.rules.generalization.evaluation import Generalization, generalizations, level, noise


@final
@dataclass(frozen=True)
class Overfitting(Rule):
    """A network that gets better on the training data and worse on others.

    ## What it detects
    An evaluation loss that rises from its lowest value while the training loss goes on
    falling; or, while the training data are fitted nearly perfectly, an evaluation loss no
    better than a constant prediction's, or an evaluation accuracy far behind.

    ## Why it matters
    What the network learns from then on does not carry over to other data.

    ## How it is measured
    `evaluation_loss` and `evaluation_accuracy`: means over one evaluation phase, apart for
    each place in the code that evaluates; the worst place is reported. The onset is the
    lowest value of the running median. A rise counts if the last tenth of the values, and
    two at least, exceed the lowest by each of three limits: a share of it, a share of the
    loss of a constant prediction, and the noise between evaluations.

    ## Known false positives
    Evaluation data of another kind, or preprocessed otherwise, and a model evaluated in
    training mode look the same if the gap is there from the start. A loss that rises while
    the accuracy rises too (fewer mistakes, made more surely) is not reported, nor one that
    is still low.

    ## What to change
    Stop at the onset; more data or augmentation; weight decay, dropout or a smaller network.

    ## References
    - Prechelt, *Early Stopping - But When?* (1998).
    - Schoop, Huang, Hartmann, *UMLAUT* (2021); Amazon SageMaker Debugger, rule Overfit.
    """

    severity = Severity.WARNING
    requires = ("loss",)
    fixes = ("early-stopping", "more-data", "weight-decay", "dropout")

    min_rise: float = 0.1
    """Rise over the lowest evaluation loss, dimensionless. Source: SageMaker Debugger."""
    min_harm: float = 0.05
    """Rise over the loss of a constant prediction, or of the first evaluation, dimensionless:
    0.001 that becomes 0.002 is no harm. Calibrated on the healthy twins of the fault
    corpus, `benchmarks/calibration.py`."""
    min_level: float = 0.25
    """Evaluation loss at the end over that of a constant prediction, or over the first one,
    dimensionless: with less the network is good all the same. Calibrated as `min_harm`."""
    noise_deviations: float = 4.0
    """Rise in standard deviations of one evaluation. At a noise of 5 % at most 2 of 100
    constant losses exceeds it, even where neighbours correlate by 0.7 (simulated)."""
    min_training_fall: float = 0.05
    """Share of the training loss that must be lost after the onset. TheDeepChecker: 5 %."""
    max_accuracy_gain: float = 0.02
    """Gain of the evaluation accuracy after the onset, in [0, 1], beyond its noise: above it
    the network still improves. AutoTrainer calls 0.01-0.05 no improvement."""
    min_evaluations: int = 5
    """Evaluations for a rise: the lowest, two later ones, and two more for the noise."""
    min_gap_evaluations: int = 3
    """Evaluations for a gap, which needs no trend: a median of three forgets an outlier."""
    fitted_share: float = 0.1
    """Training loss over a constant prediction's, dimensionless, below which the training
    data are fitted; an evaluation loss above 1 minus it is at chance. Calibrated as
    `min_harm`."""
    fitted_accuracy: float = 0.95
    """Training accuracy, in [0, 1], from which the training data are fitted (UMLAUT)."""
    max_accuracy_gap: float = 0.2
    """Training minus evaluation accuracy, in [0, 1]: twice the gap of AutoTrainer."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        if len(run.of("loss")) > 1:
            raise CannotJudge("several losses: none is the training loss")
        every = generalizations(run, next(iter(run.of("loss"))))
        longest = max((each.count for each in every), default=0)
        found = [(each, reason) for each in every if (reason := self._reason(each))]
        if found:
            yield self._finding(run, *max(found, key=lambda pair: pair[0].harm))
        elif longest < self.min_evaluations:
            raise CannotJudge(f"{longest} evaluations were seen, {self.min_evaluations} needed")

    def _reason(self, seen: Generalization) -> str:
        """The fact that is reported; empty if there is none."""
        if seen.count < self.min_gap_evaluations:
            return ""
        if not seen.losses:
            return self._accuracy_gap(seen)
        return self._rise(seen) or self._loss_gap(seen)

    def _rise(self, seen: Generalization) -> str:
        low, losses = seen.lowest, seen.losses
        limit = low + max(
            self.min_rise * abs(low),
            self.min_harm * abs(seen.scale),
            self.noise_deviations * noise(losses),
        )
        before, after = seen.training_loss(seen.onset), seen.training_loss()
        is_falling = before - after > self.min_training_fall * abs(before)
        is_rising = len(losses.final_stretch_above(limit)) >= max(2, len(losses) // 10)
        is_gaining = seen.accuracy_gain() > self.max_accuracy_gain
        is_short = len(losses) < self.min_evaluations
        is_good = seen.harm <= self.min_level
        if is_short or is_good or is_gaining or not (is_rising and is_falling):
            return ""
        return (
            f"rises since step {seen.onset}, from {low:.3g} to {losses.last:.3g} (limit "
            f"{limit:.3g}), while the training loss fell from {before:.3g} to {after:.3g}"
        )

    def _loss_gap(self, seen: Generalization) -> str:
        training, evaluation = seen.training_loss(), level(seen.losses)
        limit = (1 - self.fitted_share) * seen.baseline
        is_improving = seen.best >= seen.count - 2
        is_fitted = training < self.fitted_share * seen.baseline
        if is_improving or not (is_fitted and evaluation > limit):
            return ""
        return (
            f"has not improved since step {seen.onset}: it is {evaluation:.3g} at the end (limit "
            f"{limit:.3g}, a constant prediction has {seen.baseline:.3g}), while the training loss "
            f"fell to {training:.3g}"
        )

    def _accuracy_gap(self, seen: Generalization) -> str:
        if not seen.training_accuracies:
            return ""
        training, evaluation = level(seen.training_accuracies), level(seen.accuracies)
        is_fitted = training >= self.fitted_accuracy
        if not (is_fitted and training - evaluation > self.max_accuracy_gap):
            return ""
        if seen.best >= seen.count - 2:
            return ""
        return (
            f"has not improved since step {seen.onset}: it is {evaluation:.0%} at the end, that of "
            f"the training {training:.0%} (limit of the gap {self.max_accuracy_gap:.0%})"
        )

    def _finding(self, run: RunRecord, seen: Generalization, reason: str) -> Finding:
        quantity = "loss" if seen.losses else "accuracy"
        return Finding(
            rule=self.name(),
            severity=self.severity,
            steps=(seen.onset, max(run.steps - 1, seen.onset)),
            message=f"The evaluation {quantity} ({seen.place}) {reason}.",
            evidence=seen.ends(),
            remedy=f"Keep the weights of step {seen.onset} (early stopping); for better ones: more "
            "data or augmentation, weight decay, dropout, or a smaller network.",
            fixes=self.fixes,
        )
