"""Copies without numbers, and networks that are lent and given back."""

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from defib.analysis.model_copy import CopyFailed, borrowed, meta_copy


class Kept(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 4)
        self.tied = self.layer.weight
        self.register_buffer("step", torch.tensor(7))
        self.register_buffer("mean", torch.ones(4))
        self.constant = torch.ones(5)
        self.memory: list[Tensor] = []

    def forward(self, features: Tensor) -> Tensor:
        self.memory.append(features)
        return self.layer(features)


def test_tensors_are_on_meta_with_their_sizes():
    copied = meta_copy(Kept())
    assert copied.layer.weight.is_meta
    assert copied.mean.is_meta
    assert copied.constant.is_meta
    assert (copied.layer.weight.shape, copied.constant.shape) == ((4, 3), (5,))


def test_small_integers_keep_their_values():
    assert meta_copy(Kept()).step.item() == 7


def test_tied_parameters_stay_tied():
    copied = meta_copy(Kept())
    assert copied.tied is copied.layer.weight
    assert len(list(copied.parameters())) == 2


def test_frozen_parameters_stay_frozen():
    network = Kept().requires_grad_(False)
    assert not any(each.requires_grad for each in meta_copy(network).parameters())


def test_lazy_parameters_stay_lazy():
    network = nn.Sequential(nn.LazyLinear(4), nn.LazyBatchNorm1d())
    copied = meta_copy(network)
    assert is_lazy(copied[0].weight)
    assert copied(torch.empty(2, 3, device="meta")).shape == (2, 4)
    assert is_lazy(network[0].weight)


def test_what_the_copy_remembers_stays_in_the_copy():
    network = Kept()
    meta_copy(network)(torch.empty(2, 3, device="meta"))
    assert network.memory == []


class Uncopyable(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 4)
        self.generator = (index for index in range(3))
        self.calls = 0

    def forward(self, features: Tensor) -> Tensor:
        self.calls += 1
        return self.layer(features)


def test_what_cannot_be_copied_is_said():
    with pytest.raises(CopyFailed, match="generator"):
        meta_copy(Uncopyable())


def test_a_lent_network_is_given_back_as_it_was():
    network = Uncopyable().train()
    weight, hooks = network.layer.weight, network._forward_hooks
    with borrowed(network) as lent:
        lent.eval()
        assert lent(torch.empty(2, 3, device="meta")).is_meta
    assert network.layer.weight is weight
    assert not weight.is_meta
    assert network._forward_hooks == hooks
    assert (network.calls, network.training, network.layer.training) == (0, True, True)


KERAS = """
import keras, torch
from defib.analysis.model_copy import borrowed

model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
before = [(each, each.value, each.value.detach().clone()) for each in model.variables]
with borrowed(model) as lent:
    assert all(each.value is not value for each, value, _ in before)
    own = {id(each) for each in lent.parameters()}
    assert {id(each.value) for each, _, _ in before} <= own
    for each, _, _ in before:
        each.assign(each + 1)
assert all(each.value is value and torch.equal(value, old) for each, value, old in before)
"""


@pytest.mark.slow
@pytest.mark.skipif(find_spec("keras") is None, reason="keras is not installed")
def test_variables_of_keras_are_lent_as_copies_that_the_network_knows():
    environment = {**os.environ, "KERAS_BACKEND": "torch"}
    done = subprocess.run(
        [sys.executable, "-c", KERAS], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
