import math

from defib.records.finding import NotEvaluated, Severity
from defib.rules.optimization.batch_size_too_small import BatchSizeTooSmall
from defib.testing import make_preflight

rule = BatchSizeTooSmall()
NAME = "batch-size-too-small"


def outcome(  # a batch of 2, whose noise scale has the lower end `low`
    low: float = 100.0, *, error: float = 0.1, own: float = 0.1, other: float = 1.0
):
    signal = 1.0
    return rule.evaluate_preflight(
        make_preflight(
            gradient_noise=low * (signal + 2 * error),
            gradient_signal=signal,
            gradient_signal_error=error,
            batch_examples=2.0,
            batch_trial_progress={"own": own, "other": other},
            batch_trial_size=32.0,
            batch_trial_examples=2048.0,
        )
    )


def test_reports_a_batch_far_below_the_noise_scale_that_gets_less_far():
    [finding] = outcome()
    assert finding.severity is Severity.WARNING
    assert finding.evidence["batch_examples"] == 2
    assert "had fallen by 0.1, in batches of 32 fallen by 1." in finding.message
    assert "batches of 32 examples or more" in finding.remedy


def test_reports_a_copy_whose_loss_is_no_number_any_more():
    [finding] = outcome(own=-math.inf)
    assert "had become no number" in finding.message


def test_reports_a_copy_that_is_lost_though_the_other_does_not_learn_either():
    assert outcome(own=-math.inf, other=-0.1) != ()
    assert outcome(own=-math.inf, other=-math.inf) == ()


def test_a_loss_that_rises_is_told_as_that():
    [finding] = outcome(own=-0.5)
    assert "had risen by 0.5" in finding.message


def test_silent_at_exactly_ten_times_the_batch():
    assert outcome(20.0, error=0.0) == ()
    assert outcome(20.001, error=0.0) != ()


def test_silent_where_it_gets_half_as_far_as_larger_batches_or_those_get_nowhere():
    assert outcome(own=0.5) == ()
    assert outcome(own=0.499) != ()
    assert outcome(own=-1.0, other=0.0) == ()


def test_not_evaluated_where_the_scale_is_not_clear():
    found = outcome(15.0, error=0.3)
    assert isinstance(found, NotEvaluated)
    assert "between 15 and 60 examples" in found.reason


def test_not_evaluated_where_a_gradient_is_not_finite():
    assert outcome(math.nan) == NotEvaluated(NAME, "the first gradients are not finite")


def test_not_evaluated_without_its_metric():
    assert rule.evaluate_preflight(make_preflight()) == NotEvaluated(
        NAME, "not measured: gradient_noise"
    )
