from itertools import product

import pytest

from defib.derivations.xor import POINTS, TABLES, Xor, network_output
from defib.errors import UsageError

problem = Xor()


def test_and_and_or_need_a_single_relu():
    assert problem.single_layer("AND")[0] == (1, 1, -1)
    assert problem.single_layer("OR")[0] == (1, 1, 0)


def test_no_single_relu_and_no_single_hidden_unit_computes_xor():
    assert problem.single_layer("XOR") == ()
    assert problem.searched[1] == ()


def test_every_network_found_computes_xor():
    assert problem.searched[2]
    for network, (point, wanted) in product(
        problem.searched[2], zip(POINTS, TABLES["XOR"], strict=True)
    ):
        value = network_output(network, point)
        assert value >= 1 if wanted else value == 0


def test_the_search_misses_none_of_a_known_family():
    # ReLU(x + y) - 2·ReLU(x + y - 1), as every textbook has it.
    textbook = (((1, 1, 0), (1, 1, -1)), (1, -2), 0)
    values = [network_output(textbook, point) for point in POINTS]
    assert values == list(TABLES["XOR"])
    sets = [(set(hidden), set(weights), bias) for hidden, weights, bias in problem.searched[2]]
    assert ({(1, 1, 0), (1, 1, -1)}, {1, -2}, 0) in sets


@pytest.mark.parametrize("largest", [0, 3])
def test_a_range_that_cannot_be_searched_is_refused(largest: int):
    with pytest.raises(UsageError, match="Expected --largest from 1 to 2"):
        Xor(largest=largest).derive()
