import math

from defib.records.finding import NotEvaluated, Severity
from defib.records.run import OptimizerFact
from defib.rules.optimization.batch_size_too_large import BatchSizeTooLarge
from defib.testing import make_preflight

rule = BatchSizeTooLarge()
NAME = "batch-size-too-large"


def outcome(
    high: float = 10.0,
    *,
    error: float = 0.1,
    own: float = 0.1,
    other: float = 1.0,
    optimizer: str = "Adam",
):
    """Of a batch of 500 whose noise scale has the upper end `high`."""
    return rule.evaluate_preflight(
        make_preflight(
            facts={"optimizers": (OptimizerFact("adam", optimizer),)},
            gradient_noise=high * (1.0 - 2 * error),
            gradient_signal=1.0,
            gradient_signal_error=error,
            batch_examples=500.0,
            batch_trial_progress={"own": own, "other": other},
            batch_trial_size=31.0,
            batch_trial_examples=2000.0,
        )
    )


def test_reports_a_batch_far_above_the_noise_scale_that_gets_less_far():
    [finding] = outcome()
    assert finding.severity is Severity.INFO
    assert finding.evidence["noise_scale_high"] == 10
    assert "about 31 examples" in finding.remedy


def test_silent_at_exactly_a_tenth_of_the_batch():
    assert outcome(50.0, error=0.0) == ()
    assert outcome(49.99, error=0.0) != ()


def test_silent_where_it_gets_a_quarter_as_far_as_smaller_batches_or_those_get_nowhere():
    assert outcome(own=0.25) == ()
    assert outcome(own=0.249) != ()
    assert outcome(own=-1.0, other=-0.5) == ()


def test_not_evaluated_where_the_scale_is_not_clear():
    found = outcome(60.0, error=0.2)
    assert isinstance(found, NotEvaluated)
    assert "between 25.7 and 60 examples" in found.reason


def test_not_evaluated_for_optimizers_that_need_exact_gradients():
    for kind in ("LBFGS", "Rprop"):
        assert outcome(optimizer=kind) == NotEvaluated(NAME, "LBFGS and Rprop need exact gradients")


def test_not_evaluated_where_a_gradient_is_not_finite():
    assert outcome(math.inf) == NotEvaluated(NAME, "the first gradients are not finite")


def test_not_evaluated_without_its_metric():
    assert rule.evaluate_preflight(make_preflight()) == NotEvaluated(
        NAME, "not measured: gradient_noise"
    )
