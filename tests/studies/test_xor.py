import pytest
import torch

from defib.studies.stacks import generator_of
from defib.studies.xor import CORNERS, GATES, XOR, Config, _trained, evaluate, most_corners_right


@pytest.mark.parametrize("gate", GATES)
def test_the_published_weights_compute_their_gate(gate: str):
    layers, wanted = GATES[gate]
    assert [evaluate(layers, corner) > 0 for corner in CORNERS] == [bool(each) for each in wanted]


def test_xor_needs_the_hidden_layer():
    assert len(GATES["XOR"][0]) == 2
    assert most_corners_right(XOR) == 3


def test_the_evaluation_is_that_of_torch():
    layers, _ = GATES["XOR"]
    weights = [torch.tensor([unit[0] for unit in layer]).float() for layer in layers]
    biases = [torch.tensor([unit[1] for unit in layer]).float() for layer in layers]
    inputs = torch.tensor(CORNERS).float()
    outputs = torch.relu(inputs @ weights[0].T + biases[0]) @ weights[1].T + biases[1]
    assert [evaluate(layers, corner) for corner in CORNERS] == outputs[:, 0].tolist()


def test_one_hidden_unit_never_finds_it():
    config = Config(seeds=1, networks=30, steps=100)
    assert not _trained(config, 1, generator_of(0)).any()
