import pytest
from torch import nn

from defib.records.architecture import DropoutRecord
from defib.records.finding import Severity
from defib.rules.architecture.dropout_too_high import DropoutTooHigh
from defib.testing import make_architecture, make_layer
from tests.rules.architecture.inspection import findings

rule = DropoutTooHigh(max_probability=0.5)


def found_at(probability: float):
    dropout = DropoutRecord("drop", probability, after=0, before=1)
    return rule.evaluate_architecture(make_architecture(dropouts=(dropout,)))


def test_reports_the_probability_and_its_limit():
    [finding] = found_at(0.8)
    assert (finding.layer, finding.severity) == ("drop", Severity.WARNING)
    assert "80%" in finding.message
    assert "limit 50%" in finding.message
    assert "give 0.2" in finding.remedy


def test_silent_at_exactly_the_limit():
    assert found_at(0.5) == ()


def test_an_error_where_nothing_is_left():
    [finding] = found_at(1.0)
    assert finding.severity is Severity.ERROR
    assert "nothing is left" in finding.message


def test_a_layer_that_is_called_twice_is_reported_once():
    dropouts = tuple(DropoutRecord("drop", 0.8, 0, 1, call=call) for call in range(2))
    assert len(rule.evaluate_architecture(make_architecture(dropouts=dropouts))) == 1


@pytest.mark.parametrize(
    "dropout", [nn.Dropout(0.6), nn.AlphaDropout(0.6), nn.FeatureAlphaDropout(0.6)]
)
def test_found_in_a_network(dropout: nn.Module):
    [finding] = findings(rule, nn.Sequential(nn.Linear(3, 4), dropout, nn.Linear(4, 2)), 2, 3)
    assert finding.evidence == {"probability": 0.6}


@pytest.mark.parametrize(
    ("dropout", "axes"), [(nn.Dropout1d, 1), (nn.Dropout2d, 2), (nn.Dropout3d, 3)]
)
def test_found_where_channels_are_dropped(dropout: type[nn.Module], axes: int):
    network = nn.Sequential(dropout(0.6), nn.Flatten())
    assert len(findings(rule, network, 2, 3, *(4,) * axes)) == 1


def test_found_inside_recurrent_layers():
    [finding] = findings(rule, nn.LSTM(3, 4, num_layers=2, dropout=0.7), 5, 2, 3)
    assert finding.evidence == {"probability": 0.7}


def test_silent_about_an_option_that_is_no_number():
    layer = make_layer("a", options=(("dropout", "none"),))
    assert rule.evaluate_architecture(make_architecture(layer)) == ()
