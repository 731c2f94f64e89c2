import torch

from defib.studies.activations import (
    ACTIVATIONS,
    Config,
    _drawn,
    _exact,
    _idle_units,
    _parameters,
    maxout,
    measure,
)
from defib.studies.stacks import generator_of


def test_maxout_takes_the_largest_of_two_neighbours():
    x = torch.tensor([[1.0, -2.0, 0.0, 3.0]])
    assert maxout(x).tolist() == [[1.0, 3.0]]


def test_a_maxout_with_a_piece_of_zero_is_a_relu():
    x = torch.linspace(-2, 2, 9)[:, None]
    pieces = torch.stack([x, torch.zeros_like(x)], dim=2).flatten(1)
    assert torch.equal(maxout(pieces), torch.relu(x))


def test_the_parameters_are_counted_for_one_network():
    parameters = {
        name: _parameters(_drawn(name, activation, 3, generator_of(0)))
        for name, activation in ACTIVATIONS.items()
    }
    relu = 65 * 32 + 33 * 32 + 33 * 10
    assert parameters == {"ReLU": relu, "leaky ReLU": relu, "maxout": relu + 65 * 32 + 33 * 32}


def test_a_unit_is_idle_if_none_of_its_pieces_has_a_gradient():
    weight = torch.zeros(1, 2, 4)
    weight[0, 1, 2] = 0.5
    assert _idle_units(weight, torch.zeros(1, 1, 4), 1).tolist() == [[True, True, False, True]]
    assert _idle_units(weight, torch.zeros(1, 1, 4), 2).tolist() == [[True, False]]


def test_the_formulas_are_those_of_autograd_at_zero_too():
    exact = _exact()["derivatives"]
    assert 0.0 in exact.column("x")
    assert exact.numbers("autograd") == exact.numbers("formula")


def test_every_activation_is_trained_at_both_rates():
    training = measure(Config(seeds=1, networks=1, steps=2), 1)["training"]
    assert len(training) == 2 * len(ACTIVATIONS)
