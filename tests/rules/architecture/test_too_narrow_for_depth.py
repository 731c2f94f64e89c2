import pytest
from torch import Tensor, nn

from defib.analysis.signal_propagation.born_dead import (
    born_dead_upper_bound,
    born_dead_upper_bound_scalar_input,
)
from defib.records.finding import Severity
from defib.rules.architecture.too_narrow_for_depth import TooNarrowForDepth
from tests.rules.architecture.inspection import findings

rule = TooNarrowForDepth(max_probability=0.1)


def chain(*widths: int, inputs: int = 2) -> nn.Sequential:
    modules: list[nn.Module] = []
    for width in widths:
        modules += [nn.Linear(inputs, width), nn.ReLU()]
        inputs = width
    return nn.Sequential(*modules, nn.Linear(inputs, 1))


def test_reports_the_bound_of_the_theory():
    [finding] = findings(rule, chain(*(2,) * 9), 3, 2)
    bound = born_dead_upper_bound_scalar_input((2,) * 9)
    assert finding.evidence["born_dead_upper_bound"] == pytest.approx(bound)
    assert finding.severity is Severity.WARNING
    assert "up to 90%" in finding.message


def test_widths_may_differ():
    [finding] = findings(rule, chain(8, 4, 2, 3), 3, 2)
    bound = born_dead_upper_bound_scalar_input((8, 4, 2, 3))
    assert finding.evidence["born_dead_upper_bound"] == pytest.approx(bound)
    assert finding.layer == "4"


def test_silent_at_exactly_the_limit():
    # One layer of 2 units behind the first: 1 - (1 - 1/4)
    at_limit = TooNarrowForDepth(max_probability=0.25)
    assert findings(at_limit, chain(9, 2), 3, 2) == ()
    assert len(findings(TooNarrowForDepth(max_probability=0.2499), chain(9, 2), 3, 2)) == 1


def test_the_remedy_is_wide_enough():
    [finding] = findings(rule, chain(*(2,) * 9), 3, 2)
    assert "7 units" in finding.remedy
    assert findings(rule, chain(*(7,) * 9), 3, 2) == ()
    assert len(findings(rule, chain(*(6,) * 9), 3, 2)) == 1


def test_silent_about_the_network_that_solves_xor():
    assert findings(rule, chain(2), 3, 2) == ()


def test_behind_convolutions_the_first_dense_layer_counts():
    features = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten())
    [finding] = findings(rule, nn.Sequential(features, chain(2, inputs=16)), 1, 1, 4, 4)
    assert finding.evidence["born_dead_upper_bound"] == pytest.approx(born_dead_upper_bound([2]))


@pytest.mark.parametrize("activation", [nn.LeakyReLU, nn.Tanh, nn.GELU])
def test_silent_where_nothing_dies(activation: type[nn.Module]):
    modules = [m for _ in range(9) for m in (nn.Linear(2, 2), activation())]
    assert findings(rule, nn.Sequential(*modules, nn.Linear(2, 1)), 3, 2) == ()


def test_silent_with_normalisation():
    modules = [m for _ in range(9) for m in (nn.Linear(2, 2), nn.BatchNorm1d(2), nn.ReLU())]
    assert findings(rule, nn.Sequential(*modules, nn.Linear(2, 1)), 3, 2) == ()


class Shortcuts(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(2, 2) for _ in range(9))

    def forward(self, features: Tensor) -> Tensor:
        for layer in self.layers:
            features = features + layer(features).relu()
        return features


def test_silent_with_shortcuts():
    assert findings(rule, Shortcuts(), 3, 2) == ()
