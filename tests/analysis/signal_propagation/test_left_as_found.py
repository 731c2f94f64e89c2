import random

import numpy as np
import pytest
import torch
from torch import nn

from defib.analysis.signal_propagation.left_as_found import left_as_found


def numbers() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def test_random_states_come_back_and_start_from_the_seed():
    model = nn.Linear(1, 1)
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    expected = numbers()
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])
    with left_as_found(model, seed=5):
        first = numbers()
    with left_as_found(model, seed=5):
        assert numbers() == first
    assert numbers() == expected


def change_and_fail(model: nn.Sequential) -> None:
    with left_as_found(model, seed=0):
        model.train()
        model[1].running_mean = torch.ones(2)
        model[1].register_buffer("new", torch.ones(2))
        with torch.no_grad():
            model[0].weight.fill_(float("nan"))
        raise ZeroDivisionError


def test_everything_comes_back_after_an_error():
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout())
    model[1].eval()
    entries = dict(model.state_dict(keep_vars=True))
    copies = {name: tensor.detach().clone() for name, tensor in entries.items()}
    with pytest.raises(ZeroDivisionError):
        change_and_fail(model)
    after = model.state_dict(keep_vars=True)
    assert list(after) == list(entries)
    assert all(after[name] is tensor for name, tensor in entries.items())
    assert all(torch.equal(after[name], copies[name]) for name in copies)
    assert [module.training for module in model] == [True, False, True]


def test_unchanged_tensors_are_not_written():
    model = nn.Linear(2, 2)
    model.register_buffer("expanded", torch.zeros(1).expand(3))
    versions = [tensor._version for tensor in model.state_dict(keep_vars=True).values()]
    with left_as_found(model, seed=0):
        pass
    assert versions == [each._version for each in model.state_dict(keep_vars=True).values()]
