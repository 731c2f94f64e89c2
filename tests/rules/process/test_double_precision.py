from defib.records.finding import NotEvaluated, Severity
from defib.rules.process.double_precision import DoublePrecision
from defib.testing import make_preflight

rule = DoublePrecision(max_share=0.5, min_difference=1e-3)


def findings(share: float, **difference: float):
    return rule.evaluate_preflight(make_preflight(double_share=share, **difference))


def test_tells_of_digits_that_the_outputs_do_not_need():
    [finding] = findings(1.0, single_precision_difference=2e-7)
    assert finding.severity is Severity.INFO
    assert "100% of the parameters' elements are float64" in finding.message


def test_silent_at_exactly_the_limits():
    assert findings(0.5) == ()
    assert findings(1.0, single_precision_difference=1e-3) == ()


def test_silent_about_float32():
    assert findings(0.0) == ()


def test_not_evaluated_where_float32_was_not_tried():
    assert findings(1.0) == NotEvaluated(
        "double-precision", "the network was not computed in float32"
    )


def test_not_evaluated_without_its_metric():
    assert rule.evaluate_preflight(make_preflight()) == NotEvaluated(
        "double-precision", "not measured: double_share"
    )
