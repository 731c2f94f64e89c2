from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from defib.records.finding import Finding, NotEvaluated, Severity
from defib.records.run import LossFact, ParameterFact
from defib.records.site import Site
from defib.rules.gradient.zero_gradient import ZeroGradient
from defib.testing import make_preflight, make_run

rule = ZeroGradient(min_samples=5)
LINE = Site("train.py", 12, "loss = criterion(scores, labels)")


def evaluated(norms: Sequence[float], *, is_reached: bool = True):
    parameter = ParameterFact("0.weight", "0", (8, 8), optimizer="SGD", reached=is_reached)
    facts: dict[str, Any] = {
        "parameters": (parameter,),
        "losses": (LossFact("SGD", site=LINE),),
    }
    return rule.evaluate(make_run(facts=facts, total_gradient_norm=list(norms)))


def findings(norms: Sequence[float]) -> tuple[Finding, ...]:
    found = evaluated(norms)
    assert not isinstance(found, NotEvaluated)
    return found


def test_reports_a_training_without_any_gradient_at_the_loss():
    [finding] = findings([0.0] * 5)
    assert (finding.severity, finding.site, finding.steps) == (Severity.ERROR, LINE, (0, 4))


@pytest.mark.parametrize("norms", [[1e-30, 0, 0, 0, 0], [0, 0, 0, 0, 1e-30], [float("nan")] * 5])
def test_silent_where_one_step_has_a_gradient(norms: list[float]):
    assert findings(norms) == ()


def test_not_evaluated_of_fewer_steps_or_where_the_loss_depends_on_nothing():
    reason = NotEvaluated("zero-gradient", "fewer than 5 recorded steps with gradients")
    assert evaluated([0.0] * 4) == reason
    assert evaluated([0.0] * 5, is_reached=False) == reason


def before(first: float, second: float):
    return rule.evaluate_preflight(
        make_preflight(gradient_norm={"0.weight": first, "1.weight": second})
    )


def test_before_the_first_step_warns_of_a_batch_without_any_gradient():
    found = before(0.0, 0.0)
    assert not isinstance(found, NotEvaluated)
    [finding] = found
    assert finding.severity is Severity.WARNING


def test_before_the_first_step_silent_where_one_parameter_has_a_gradient():
    assert before(0.0, 1e-30) == ()
