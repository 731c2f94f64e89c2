"""An epsilon that outweighs the gradients in an adaptive optimiser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.records.run import OptimizerFact, RunRecord
from defib.rules.adaptive import is_adaptive
from defib.rules.base import NO_STEPS, CannotJudge, PreflightRule, Rule
from defib.rules.fit import severity_at_start
from defib.rules.harm import learns_little, severity_by_harm
from defib.rules.weights import rms_gradients, trained_weights


@final
@dataclass(frozen=True)
class EpsilonTooLarge(Rule, PreflightRule):
    """An epsilon that outweighs the gradients in an adaptive optimiser.

    ## What it detects
    An optimiser of the kind of Adam or RMSprop whose `eps` is larger than the gradients of
    every weight matrix, in a training that learns little.

    ## Why it matters
    Such an optimiser divides each gradient by its usual size plus epsilon. Where epsilon is the
    larger, it divides by a constant instead: what remains is gradient descent with the learning
    rate over epsilon, and a rate chosen for Adam is then far too small.

    ## How it is measured
    `gradient_norm` over the square root of the number of elements (root mean square of the
    entries), the median over the first quarter of the recorded steps, over `eps`
    (dimensionless); the largest over the weight matrices.

    ## Known false positives
    A training that learns little for another reason, with an epsilon that was tuned.

    ## What to change
    Leave `eps` at 1e-8, or raise the learning rate with it.

    ## References
    - Kingma, Ba, *Adam* (2015), section 2: epsilon of 1e-8.
    - Choi et al., *On Empirical Comparisons of Optimizers* (2019): epsilon and the learning rate
      have to be tuned together.
    """

    severity = Severity.ERROR
    requires = ("gradient_norm", "loss")
    requires_preflight = ("gradient_rms", "fit_loss")
    explains = (
        "learning-rate-too-low",
        "loss-plateau",
        "too-few-epochs",
        "vanishing-gradient",
        "underfitting",
        "cannot-fit-one-batch",
    )
    fixes = ("default-epsilon", "raise-learning-rate")

    min_ratio: float = 1.0
    """Largest root mean square gradient over epsilon, dimensionless: below, epsilon is the
    larger part of the divisor. By definition; the smallest of 201 healthy trainings
    (`defib.healthy`) has 1e4."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        adaptive = [each for each in run.optimizers if is_adaptive(each)]
        if not adaptive:
            raise CannotJudge("no optimizer divides by the size of the gradient")
        for optimizer in adaptive:
            eps = optimizer.hyperparameters["eps"]
            sizes = [
                each.part(0.0, 0.25).median() if len(each) >= 8 else each.median()
                for _, each in rms_gradients(run, optimizer.name)
            ]
            largest = max((size for size in sizes if size == size), default=0.0)
            is_outweighed = 0 < largest < self.min_ratio * eps
            if is_outweighed and learns_little(run, optimizer.name):
                yield self._finding(run, optimizer, largest)

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        adaptive = [each for each in record.facts.optimizers if is_adaptive(each)]
        if not adaptive:
            raise CannotJudge("no optimizer divides by the size of the gradient")
        for optimizer in adaptive:
            names = [each.name for each in trained_weights(record.facts, optimizer.name)]
            largest = max((record.of("gradient_rms").get(name, 0.0) for name in names), default=0.0)
            if 0 < largest < self.min_ratio * optimizer.hyperparameters["eps"]:
                finding = self._finding(record.first_step, optimizer, largest)
                yield replace(finding, severity=severity_at_start(record), steps=NO_STEPS)

    def _finding(self, run: RunRecord, optimizer: OptimizerFact, largest: float) -> Finding:
        eps, name = optimizer.hyperparameters["eps"], optimizer.name
        finding = self.found(
            f"`eps` of `{name}` is {eps:g}, {eps / largest:.2g} times the largest gradient (root "
            f"mean square {largest:.2g}, limit {1 / self.min_ratio:g} times), since step 0: the "
            "steps are those of plain gradient descent with a small rate.",
            f"Leave out `eps` of `{name}` (1e-8), or multiply the learning rate by about "
            f"{eps / largest:.0e}.",
            severity=severity_by_harm(run, name),
            site=optimizer.site,
            evidence={"eps": eps, "largest_root_mean_square_gradient": largest},
        )
        return replace(finding, steps=(0, max(run.steps - 1, 0)))
