import math

import pytest
import torch
from torch import nn

from defib.analysis.signal_propagation.measured import measure_signal_propagation, random_batch
from defib.analysis.signal_propagation.summary import SignalSummary, Trend, summarize


def summary_of(deviation: float, depth: int = 12) -> SignalSummary:
    generator = torch.Generator().manual_seed(0)
    layers: list[nn.Module] = []
    for _ in range(depth):
        layer = nn.Linear(256, 256, bias=False)
        nn.init.normal_(layer.weight, std=deviation / 16, generator=generator)
        layers += [layer, nn.ReLU()]
    model = nn.Sequential(*layers)
    return summarize(measure_signal_propagation(model, random_batch(model, (32, 256))))


@pytest.mark.parametrize(
    ("deviation", "trend"),
    [
        (math.sqrt(2), Trend.STEADY),
        (1 / math.sqrt(3), Trend.VANISHING),
        (4.0, Trend.EXPLODING),
        (0.0, Trend.VANISHING),
    ],
)
def test_trend_of_relu_networks(deviation: float, trend: Trend):
    summary = summary_of(deviation)
    assert summary.depth == 12
    assert (summary.forward.trend, summary.backward.trend) == (trend, trend)


def test_factor_per_layer_is_chi():
    summary = summary_of(1 / math.sqrt(3))
    assert summary.chi_1 == pytest.approx(1 / 6, rel=0.02)
    assert summary.depth_scale == pytest.approx(1 / math.log(6), rel=0.02)
    assert summary.forward.per_layer == pytest.approx(1 / 6, rel=0.15)
    assert summary.backward.per_layer == pytest.approx(1 / 6, rel=0.15)
    assert summary.forward.total == pytest.approx(summary.forward.per_layer**11)


def test_shallow_networks_are_steady():
    assert summary_of(1 / math.sqrt(3), depth=3).forward.trend is Trend.STEADY


def test_numbers_that_are_none_are_exploding():
    assert summary_of(1e5).forward.trend is Trend.EXPLODING


def test_one_layer_has_no_course():
    summary = summary_of(1.0, depth=1)
    assert summary.forward.trend is Trend.UNKNOWN
    assert math.isnan(summary.forward.total)
