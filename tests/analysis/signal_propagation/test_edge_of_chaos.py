import pytest

from defib.analysis.signal_propagation import activations
from defib.analysis.signal_propagation.edge_of_chaos import edge_of_chaos, edge_of_chaos_for_bias
from defib.analysis.signal_propagation.mean_field import RandomNetwork, chi, fixed_point
from defib.errors import UsageError


@pytest.mark.parametrize(
    ("q", "weight_variance", "weight_deviation", "bias_variance"),
    [
        (1 / 64, 1.03056, 1.01516, 4.65e-6),
        (0.1, 1.17757, 1.08516, 8.32e-4),
        (0.5, 1.68798, 1.29922, 0.038041),
        (1.0, 2.15330, 1.46741, 0.150965),
        (2.0, 2.86116, 1.69150, 0.512265),
    ],
)
def test_tanh_at_a_fixed_point(
    q: float, weight_variance: float, weight_deviation: float, bias_variance: float
):
    point = edge_of_chaos(activations.tanh(), q)
    assert point.weight_variance == pytest.approx(weight_variance, abs=6e-6)
    assert point.weight_deviation == pytest.approx(weight_deviation, abs=6e-6)
    assert point.bias_variance == pytest.approx(bias_variance, rel=1e-3)
    network = RandomNetwork(activations.tanh(), point.weight_variance, point.bias_variance)
    assert fixed_point(network) == pytest.approx(q, rel=1e-5)
    assert chi(network, q) == pytest.approx(1)


@pytest.mark.parametrize(
    ("bias_variance", "weight_variance", "weight_deviation", "q"),
    [
        (2.01e-5, 1.05000, 1.02469, 0.02592),
        (0.01, 1.42421, 1.19340, 0.27330),
        (0.05, 1.76095, 1.32701, 0.57005),
        (0.1, 1.98607, 1.40928, 0.80580),
        (0.2, 2.28515, 1.51167, 1.16450),
    ],
)
def test_tanh_with_a_given_bias(
    bias_variance: float, weight_variance: float, weight_deviation: float, q: float
):
    point = edge_of_chaos_for_bias(activations.tanh(), bias_variance)
    assert point.weight_variance == pytest.approx(weight_variance, abs=6e-6)
    assert point.weight_deviation == pytest.approx(weight_deviation, abs=6e-6)
    assert point.fixed_point == pytest.approx(q, abs=6e-6)
    assert point.bias_deviation**2 == pytest.approx(bias_variance)


@pytest.mark.parametrize(
    ("slope", "weight_variance"), [(0.0, 2.0), (0.01, 1.99980), (0.1, 1.98020), (0.2, 1.92308)]
)
def test_leaky_relu_has_one_point_without_bias(slope: float, weight_variance: float):
    point = edge_of_chaos(activations.leaky_relu(slope), 3.0)
    assert point.weight_variance == pytest.approx(weight_variance, abs=6e-6)
    assert point.bias_variance == pytest.approx(0, abs=1e-12)


def test_says_where_there_is_none():
    with pytest.raises(UsageError, match="no edge of chaos"):
        edge_of_chaos(activations.softplus(), 0.01)
    with pytest.raises(UsageError, match="no edge of chaos"):
        edge_of_chaos_for_bias(activations.relu(), 0.1)
