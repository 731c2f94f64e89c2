from defib.records.finding import NotEvaluated, Severity
from defib.rules.data.pixels_out_of_order import PixelsOutOfOrder
from defib.testing import make_preflight

rule = PixelsOutOfOrder(max_ratio=1.1)


def findings(given: float, reordered: float):
    differences = {"given": given, "reordered": reordered}
    return rule.evaluate_preflight(make_preflight(neighbour_difference=differences))


def test_reports_images_that_are_smoother_with_the_channels_last():
    [finding] = findings(0.4, 0.1)
    assert finding.severity is Severity.INFO
    assert "4.0 times less" in finding.message


def test_silent_at_exactly_the_limit_and_about_noise():
    assert findings(1.1, 1.0) == ()
    assert findings(1.0, 1.0) == ()
    assert findings(0.1, 0.3) == ()


def test_not_evaluated_of_even_images():
    assert findings(0.0, 0.0) == NotEvaluated("pixels-out-of-order", "the images are even")


def test_not_evaluated_without_its_metric():
    assert rule.evaluate_preflight(make_preflight()) == NotEvaluated(
        "pixels-out-of-order", "not measured: neighbour_difference"
    )
