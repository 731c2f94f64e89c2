import pytest
import torch
from torch import nn

from defib.records.finding import Severity
from defib.rules.architecture.normalization_after_dropout import NormalizationAfterDropout
from tests.rules.architecture.inspection import findings

rule = NormalizationAfterDropout(max_layers=1)


def found_in(*modules: nn.Module):
    return findings(rule, nn.Sequential(nn.Linear(4, 4), *modules), 3, 4)


def test_reports_a_normalisation_right_after_a_dropout():
    [finding] = found_in(nn.Dropout(0.5), nn.BatchNorm1d(4))
    assert (finding.layer, finding.severity) == ("2", Severity.INFO)
    assert finding.evidence == {"probability": 0.5, "variance_ratio": 2.0}
    assert "2 times larger" in finding.message


def test_warns_where_most_units_are_dropped():
    [finding] = found_in(nn.Dropout(0.51), nn.BatchNorm1d(4))
    assert finding.severity is Severity.WARNING


def test_the_variance_is_that_much_larger():
    torch.manual_seed(0)
    signal = torch.randn(200_000)
    ratio = nn.Dropout(0.75)(signal).var() / signal.var()
    assert ratio.item() == pytest.approx(1 / (1 - 0.75), rel=0.02)


def test_reports_one_layer_between_which_is_the_limit():
    assert len(found_in(nn.Dropout(), nn.ReLU(), nn.Linear(4, 4), nn.BatchNorm1d(4))) == 1


def test_silent_with_two_layers_between():
    between = (nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    assert found_in(nn.Dropout(), *between, nn.BatchNorm1d(4)) == ()


def test_silent_where_the_normalisation_comes_first():
    assert found_in(nn.BatchNorm1d(4), nn.ReLU(), nn.Dropout(), nn.Linear(4, 2)) == ()


def test_silent_about_layer_normalisation():
    assert found_in(nn.Dropout(), nn.LayerNorm(4)) == ()


def test_silent_behind_a_layer_normalisation():
    assert found_in(nn.Dropout(), nn.LayerNorm(4), nn.BatchNorm1d(4)) == ()
