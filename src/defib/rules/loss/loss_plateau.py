"""A loss that does not fall."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from defib.records.finding import Finding, Severity
from defib.records.run import RunRecord
from defib.records.series import Series
from defib.rules.base import CannotJudge, Rule
from defib.rules.course import Course, Ending, courses
from defib.rules.trend import constant_prediction_loss
from defib.rules.weights import aligned


@final
@dataclass(frozen=True)
class LossPlateau(Rule):
    """A loss that does not fall.

    ## What it detects
    A loss that after `min_steps` steps or more is no better than that of a constant
    prediction (or than its own start), by more than its noise, and is not falling either.

    ## Why it matters
    The network has learnt nothing that depends on its input. This is a symptom: other
    findings say why.

    ## How it is measured
    The median of the last tenth of the losses, against the loss that the best constant
    prediction has on the labels or targets seen. A loss that begins far above it, comes down to
    it and stays there for the greater part of the run is judged from there on. A flat loss still
    fluctuates from step to step, because batches differ in their labels. `label_mix_loss` is what
    the batch's mean prediction would cost; 1 - Var(loss - label_mix_loss) / Var(loss) is the share
    of the fluctuation that the mix explains, over the recorded steps since the loss is flat. Near
    1, the output hardly depends on the input.

    ## Known false positives
    A task in which nothing can be predicted. A plateau that the training would leave later
    (parity-like tasks, deep sigmoid networks): true so far. Not judged with several
    optimisers, whose losses need not fall, nor where the loss of a constant prediction is
    not known.

    ## What to change
    See the finding that explains this one. If there is none, `defib check` tests on copies what
    no training shows: whether samples are mixed within the batch, the input is used, and one
    batch can be learnt. If that fails, the fault is in the network or the loss, else in the data.

    ## References
    - Karpathy, *A Recipe for Training Neural Networks* (2019): constant-input baseline.
    - Zhang, Zhai, Ma, Shen, *AutoTrainer* (2021): gain below 1 %.
    """

    severity = Severity.ERROR
    requires = ("loss",)
    is_symptom = True

    min_steps: int = 50
    """Losses before a run is called flat. SageMaker Debugger waits 10 saved steps."""
    constant_share: float = 0.9
    """Share of the fluctuation that the label mix explains, in [0, 1], from which on the
    message calls the output constant. Calibrated on the healthy twins of the fault corpus,
    `benchmarks/calibration.py`."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        if len(run.of("loss")) > 1:
            raise CannotJudge("several optimizers: their losses need not fall")
        [course] = courses(run)
        baseline = constant_prediction_loss(run, course.optimizer)
        if baseline is None:
            raise CannotJudge("the loss of a constant prediction is not known")
        if len(course.losses) < self.min_steps:
            raise CannotJudge(f"fewer than {self.min_steps} steps")
        if course.ending is Ending.FLAT:
            yield self._finding(run, course, baseline)

    def _finding(self, run: RunRecord, course: Course, baseline: float) -> Finding:
        share = label_mix_share(run, course)
        end = course.trend.end
        evidence = {"loss_at_end": end, "loss_of_constant_prediction": baseline}
        if not np.isnan(share):
            evidence["share_explained_by_label_mix"] = share
        return Finding(
            rule=self.name(),
            severity=self.severity,
            site=run.site_of_optimizer(course.optimizer),
            steps=(course.onset, course.last_step),
            message=f"The loss has not fallen since step {course.onset}: it ends at {end:.3g}, and "
            f"a constant prediction has {baseline:.3g}.{self._fluctuation(share)}",
            evidence=evidence,
            remedy="Mend what explains this. If nothing does, let `defib check` test the wiring: "
            "whether samples are mixed, the input is used, and one batch can be learnt.",
            fixes=self.fixes,
        )

    def _fluctuation(self, share: float) -> str:
        if np.isinf(share):
            return " It does not fluctuate at all: the output does not depend on the batch."
        if not share > 0:
            return ""
        is_constant = share >= self.constant_share
        meaning = ": the output hardly depends on the input" if is_constant else ""
        return f" {share:.0%} of its fluctuation comes from the label mix of the batches{meaning}."


def label_mix_share(run: RunRecord, course: Course) -> float:
    """Share of the variance of the loss that `label_mix_loss` explains, since the onset.

    At most 1; negative where the mix explains nothing. `inf` where the loss does not vary,
    `nan` where fewer than 8 recorded steps tell.
    """
    mix = run.of("label_mix_loss").get(course.optimizer)
    if mix is None:
        return float("nan")
    loss, mix = aligned(
        course.losses.finite(), mix.between(course.onset, course.last_step).finite()
    )
    rest = Series(loss.steps, loss.values - mix.values)
    if len(rest) < 8:
        return float("nan")
    total = float(np.var(loss.values))
    if total <= (1e-6 * float(np.mean(np.abs(loss.values)))) ** 2:
        return float("inf")
    return 1 - float(np.var(rest.values)) / total
