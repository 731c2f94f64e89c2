import pytest
import torch
from torch import nn

from defib.records.finding import Severity
from defib.rules.architecture.feature_map_smaller_than_kernel import FeatureMapSmallerThanKernel
from tests.rules.architecture.inspection import findings

rule = FeatureMapSmallerThanKernel()


def found_on(size: int, **options: int):
    return findings(rule, nn.Conv2d(1, 1, 3, **options), 1, 1, size, size)


def test_reports_taps_that_only_meet_padding():
    [finding] = found_on(1, padding=1)
    assert finding.severity is Severity.WARNING
    assert "8 of its 9 taps" in finding.message
    assert finding.evidence == {"kernel": "3 x 3", "map": "1 x 1", "taps": 9, "taps_met": 1}


def test_only_a_remark_where_each_tap_meets_the_map_somewhere():
    [finding] = found_on(2, padding=1)
    assert finding.severity is Severity.INFO
    assert finding.evidence["taps_met"] == 9


def test_silent_at_exactly_the_size_of_the_kernel():
    assert found_on(3, padding=1) == ()
    assert found_on(3) == ()


def test_dilation_counts():
    assert found_on(37, padding=18, dilation=18) == ()
    [finding] = found_on(18, padding=18, dilation=18)
    assert finding.evidence["kernel"] == "37 x 37"
    assert finding.evidence["taps_met"] == 1


@pytest.mark.parametrize(
    ("size", "options"),
    [
        (1, {"padding": 1}),
        (2, {"padding": 1}),
        (2, {"padding": 2, "stride": 2}),
        (4, {"padding": 3, "dilation": 3}),
        (5, {"padding": 4, "dilation": 4}),
        (6, {"padding": 6, "dilation": 6}),
        (4, {"padding": 4, "dilation": 3, "stride": 3}),
    ],
)
def test_taps_met_are_those_with_a_gradient(size: int, options: dict[str, int]):
    layer = nn.Conv2d(1, 1, 3, **options)
    layer(torch.ones(1, 1, size, size)).sum().backward()
    assert layer.weight.grad is not None
    [finding] = findings(rule, layer, 1, 1, size, size)
    assert finding.evidence["taps_met"] == int((layer.weight.grad != 0).sum())


def test_poolings_count_too():
    [finding] = findings(rule, nn.MaxPool2d(3, stride=1, padding=1), 1, 1, 2, 2)
    assert finding.evidence["kernel"] == "3 x 3"
    assert findings(rule, nn.AvgPool2d(2), 1, 1, 2, 2) == ()


def test_silent_about_transposed_convolutions():
    assert findings(rule, nn.ConvTranspose2d(1, 1, 5), 1, 1, 2, 2) == ()
