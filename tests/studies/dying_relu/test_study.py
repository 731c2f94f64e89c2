import numpy as np
import pytest

from defib.ensemble.data import Data
from defib.studies.dying_relu.networks import FUNCTIONS, KINDS, LEAKY, LIMIT, RELU
from defib.studies.dying_relu.study import Config, _trained, measure

TINY = Config(seeds=1, networks=64, drawn=500, epochs=1, points=200, layers=(3,), widths=(2,))


def data_of(name: str) -> Data:
    inputs = np.random.default_rng(0).uniform(-LIMIT, LIMIT, (64, 200, 1))
    return Data(inputs, FUNCTIONS[name](inputs))


@pytest.mark.parametrize(
    ("name", "mean", "variance"),
    # Integrals over [-√7, √7], the third by 0.5 and 0.272464 from its closed form.
    [
        ("|x|", 1.322876, 0.583333),
        ("x sin 5x", -0.148407, 1.014269),
        ("step + 0.2 sin 5x", 0.5, 0.272464),
    ],
)
def test_the_functions_have_their_known_mean_and_variance(name: str, mean: float, variance: float):
    x = np.linspace(-LIMIT, LIMIT, 400_001)
    values = FUNCTIONS[name](x)
    assert values.mean() == pytest.approx(mean, abs=1e-4)
    assert values.var() == pytest.approx(variance, abs=1e-4)


def test_ten_layers_are_nine_hidden_ones_of_width_two():
    assert RELU.training(1).network.widths == (1, *[2] * 9, 1)


def test_dead_is_what_was_born_dead_and_what_died():
    counts, shares = _trained(RELU, data_of("|x|"), TINY, 0)
    dead, born, died, revived, *_, networks = counts
    assert dead == born + died - revived
    assert revived == 0
    assert shares == [born / networks, dead / networks]


def test_a_leaky_network_is_never_dead():
    dead, born, *_ = _trained(LEAKY, data_of("|x|"), TINY, 0)[0]
    assert (dead, born) == (0, 0)


def test_every_function_and_kind_is_measured():
    tables = measure(TINY, 0)
    assert tables["collapse"].distinct("function") == tuple(FUNCTIONS)
    assert set(tables["collapse"].distinct("network")) > {kind.name for kind in KINDS}


def test_three_layers_of_width_two_are_born_dead_as_often_as_the_exact_formula_says():
    born = measure(
        Config(seeds=1, networks=8, drawn=20_000, epochs=1, points=64, layers=(3,), widths=(2,)), 0
    )["born-dead"]
    [dead], [lower] = born.numbers("dead"), born.numbers("lower")
    assert lower == 0.15625
    assert dead / 20_000 == pytest.approx(lower, abs=0.011)  # Four standard errors.
