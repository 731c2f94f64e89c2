from defib.records.finding import NotEvaluated, Severity
from defib.records.run import LossFact
from defib.rules.data.unreachable_target import UnreachableTarget
from defib.testing import make_preflight, make_run

rule = UnreachableTarget(min_share=0.3)


def findings(*targets, operation="SigmoidBackward0", kind="mean-squared-error", loss=(1.0,) * 60):
    fact = LossFact("SGD", kind, input_operation=operation)
    means, deviations = zip(*targets, strict=True)
    return rule.evaluate(
        make_run(
            loss=list(loss),
            target_mean=list(means),
            target_std=list(deviations),
            facts={"losses": (fact,)},
        )
    )


def test_reports_a_mean_outside_the_range():
    [finding] = findings((-0.1, 1.0), (0.1, 1.0))
    assert finding.severity is Severity.ERROR
    assert "sigmoid, between 0 and 1" in finding.message


def test_reports_a_spread_that_does_not_fit_into_the_range():
    # Numbers in [0, 1] with a mean of 0.5 deviate by 0.5 at most.
    assert len(findings((0.5, 0.51))) == 1
    assert findings((0.5, 0.5)) == ()


def test_a_warning_while_the_training_learns():
    [finding] = findings((2.0, 1.0), loss=[0.9**step for step in range(60)])
    assert finding.severity is Severity.WARNING


def test_an_open_range_has_one_end():
    assert findings((3.0, 100.0), operation="ReluBackward0") == ()
    assert len(findings((-0.01, 1.0), operation="ReluBackward0")) == 1


def test_silent_where_few_batches_are_outside():
    assert findings(*[(0.5, 0.2)] * 8, *[(-1.0, 0.2)] * 3) == ()
    assert len(findings(*[(0.5, 0.2)] * 7, *[(-1.0, 0.2)] * 3)) == 1


def test_not_evaluated_without_a_bounded_output():
    assert findings((5.0, 1.0), operation="AddmmBackward0") == NotEvaluated(
        "unreachable-target", "no output of bounded range before an error of numbers"
    )


def test_not_evaluated_for_classes():
    assert isinstance(findings((5.0, 1.0), kind="cross-entropy"), NotEvaluated)


def before(operation: str, **shares: float):
    losses = (LossFact("SGD", "mean-squared-error", input_operation=operation),)
    names = {"under_one": "below -1", "under_zero": "below 0", "over_one": "above 1"}
    outside = dict.fromkeys(names.values(), 0.0) | {names[key]: shares[key] for key in shares}
    return UnreachableTarget().evaluate_preflight(
        make_preflight(facts={"losses": losses}, target_share_outside=outside)
    )


def test_before_the_first_step_each_operation_has_its_own_range():
    assert len(before("SigmoidBackward0", under_zero=0.03, over_one=0.03)) == 1
    assert len(before("TanhBackward0", under_one=0.06)) == 1
    assert len(before("ReluBackward0", under_zero=0.06)) == 1
    assert before("ReluBackward0", over_one=0.9) == ()


def test_before_the_first_step_silent_at_exactly_the_limit():
    assert before("SigmoidBackward0", under_zero=0.05) == ()
