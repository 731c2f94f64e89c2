from typing import Any

from defib.records.finding import NotEvaluated
from defib.rules.wiring.input_not_used import InputNotUsed
from defib.testing import make_preflight

rule = InputNotUsed()


def findings(**given: Any):
    fields = {key: given.pop(key) for key in ("facts", "sequences") if key in given}
    return rule.evaluate_preflight(make_preflight(**fields, **given))


def outcome(real: float, same: float, best: float, steps: int = 40):
    losses = {"real": [2.0, *[real] * (steps - 1)], "same": [2.0, *[same] * (steps - 1)]}
    return findings(
        sequences={
            "input_loss": losses,
            "fit_loss": {name: [2.0, *[best] * 199] for name in ("own", "adam")},
        }
    )


def test_reports_a_loss_that_inputs_do_not_lower():
    [finding] = outcome(1.0, 1.0, best=0.95)
    assert finding.evidence["loss_without_inputs"] == 1


def test_silent_just_beyond_the_limits():
    assert outcome(0.97, 1.0, best=0.95) == ()
    assert outcome(1.0, 1.0, best=0.89) == ()


def test_not_judged_without_a_longer_fit_by_adam():
    losses = {"real": [2.0] * 40, "same": [2.0] * 40}
    fits = {"input_loss": losses, "fit_loss": {"own": [2.0] * 200, "adam": [2.0] * 99}}
    assert isinstance(findings(sequences=fits), NotEvaluated)


def test_silent_where_no_loss_falls_and_not_judged_after_few_steps():
    assert outcome(1.99, 1.99, best=1.99) == ()
    assert isinstance(outcome(1.0, 1.0, best=0.95, steps=19), NotEvaluated)


def test_not_evaluated_without_its_metric():
    outcome = rule.evaluate_preflight(make_preflight())
    assert outcome == NotEvaluated("input-not-used", "not measured: input_loss")
