from defib.derivations.activations import LONGEST_EXACT
from defib.derivations.network import network_of
from defib.derivations.propagation import propagate, train


def test_a_hundred_exact_steps_do_not_grow_without_end():
    content = {
        "input": ["1/3", "2/7"],
        "target": "1/5",
        "steps": 100,
        "layer": [{"weights": [["1/2", "1/3"], [1, -1]]}, {"weights": [[1, "2/3"]]}],
    }
    last = train(network_of(content))[-1].after
    numbers = [each for layer in last.layers for each in layer.weights]
    assert max(each.q for each in numbers) < LONGEST_EXACT**4
    assert abs(float(propagate(last).output[0]) - 0.2) < 1e-3


def test_the_gradient_of_a_weight_is_delta_times_input():
    content = {"input": [3, -2], "target": 0, "layer": [{"weights": [[1, 1]]}]}
    [layer] = propagate(network_of(content)).layers
    assert layer.weight_gradient.tolist() == [[6, -4]]
