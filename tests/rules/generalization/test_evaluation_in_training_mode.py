from defib.records.finding import NotEvaluated, Severity
from defib.records.run import Event
from defib.records.site import Site
from defib.rules.generalization.evaluation_in_training_mode import EvaluationInTrainingMode
from defib.testing import make_run

rule = EvaluationInTrainingMode()
SITE = Site("train.py", 30)


def findings(*events):
    run = make_run(loss=[1.0] * 9, evaluation_loss={"a": [1.0] * 3}, facts={"events": events})
    return rule.evaluate(run)


def test_reports_an_evaluation_in_training_mode():
    detail = {"modules": 2.0, "kinds": "Dropout, BatchNorm2d"}
    [finding] = findings(Event("evaluation-in-training-mode", 5, detail, SITE))
    assert (finding.severity, finding.site) == (Severity.WARNING, SITE)
    assert "(2 of kind Dropout, BatchNorm2d)" in finding.message


def test_silent_without_the_event():
    assert findings(Event("skipped-step", 5)) == ()


def test_silent_when_no_module_is_left():
    assert findings(Event("evaluation-in-training-mode", 5, {"modules": 0.0})) == ()


def test_not_evaluated_without_an_evaluation():
    assert rule.evaluate(make_run(loss=[1.0])) == NotEvaluated(
        "evaluation-in-training-mode", "not recorded: evaluation_loss"
    )
