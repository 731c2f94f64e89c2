import numpy as np

from defib.records.finding import NotEvaluated, Severity
from defib.records.run import LossFact
from defib.rules.loss.summed_loss import SummedLoss
from defib.testing import make_preflight, make_run

rule = SummedLoss(min_examples=2)
FLAT = list(0.7 + np.random.default_rng(0).normal(0, 0.01, 100))
SLOW = list(np.linspace(0.7, 0.55, 100))
DECAY = list(0.7 * np.exp(-np.arange(100) / 20))


def findings(reduction="sum", *, examples=32, loss=FLAT):
    fact = LossFact("SGD", "cross-entropy", reduction=reduction)
    counts = {"0": [examples / 2] * 3, "1": [examples / 2] * 3} if examples else {}
    # The loss of a constant prediction is the sum of that of all examples.
    scale = float(examples or 1)
    losses = [scale * value for value in loss]
    return rule.evaluate(make_run(loss=losses, label_count=counts, facts={"losses": (fact,)}))


def test_reports_a_sum():
    [finding] = findings()
    assert finding.severity is Severity.ERROR
    assert "sum over 32 examples" in finding.message


def test_information_while_the_training_learns():
    [finding] = findings(loss=DECAY)
    assert finding.severity is Severity.INFO


def test_silent_with_a_mean_and_where_it_is_not_known():
    assert findings("mean") == ()
    assert findings("") == ()


def test_of_one_example_the_sum_is_the_mean():
    assert findings(examples=1) == ()
    assert len(findings(examples=2)) == 1


def test_reports_a_sum_over_an_unknown_number():
    [finding] = findings(examples=0)
    assert "the number of examples" in finding.remedy


def test_not_evaluated_without_a_loss():
    assert rule.evaluate(make_run(facts={"losses": ()})) == NotEvaluated(
        "summed-loss", "no loss was read"
    )


def before(reduction: str, end: float):
    losses = (LossFact("SGD", "mean-squared-error", reduction=reduction),)
    sequences = {"fit_loss": {"own": [1.0, *[end] * 199]}}
    return SummedLoss().evaluate_preflight(
        make_preflight(facts={"losses": losses}, sequences=sequences)
    )


def test_before_the_first_step_it_is_information_while_the_batch_is_learnt():
    assert [each.severity.value for each in before("sum", 0.1)] == ["info"]
    assert [each.severity.value for each in before("sum", 0.96)] == ["error"]
    assert before("mean", 0.96) == ()
