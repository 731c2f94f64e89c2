import math

import pytest
import torch
from torch import nn

from defib.studies.normalisation_and_dropout.co_adaptation import accuracy_without, unit_correlation


def test_copies_are_wholly_correlated():
    unit = torch.randn(50, 1)
    assert unit_correlation(torch.cat([unit, -2 * unit + 1], dim=1)) == pytest.approx(1.0)


def test_the_mean_is_over_pairs_of_different_units():
    one, other = torch.tensor([1.0, -1, 1, -1]), torch.tensor([1.0, 1, -1, -1])
    assert unit_correlation(torch.stack([one, other], dim=1)) == pytest.approx(0.0)
    assert unit_correlation(torch.stack([one, one, other], dim=1)) == pytest.approx(1 / 3)


def test_units_that_never_change_are_left_out():
    unit, still = torch.randn(9, 1), torch.ones(9, 1)
    assert math.isnan(unit_correlation(torch.cat([unit, still], dim=1)))


def identity_network() -> nn.Sequential:
    """Ten units; the class is the unit that is on."""
    layers = [nn.Linear(10, 10), nn.Linear(10, 10)]
    for layer in layers:
        nn.init.eye_(layer.weight)
        nn.init.zeros_(layer.bias)
    return nn.Sequential(*layers)


def test_each_removed_unit_takes_its_class_along():
    images, labels = torch.eye(10), torch.arange(10)
    generator = torch.Generator().manual_seed(0)

    def accuracy(share: float) -> float:
        return accuracy_without(
            identity_network(), images, labels, {"0": share}, generator=generator
        )

    assert accuracy(0.0) == 1.0
    # Without any score above 0 the first class is chosen: it is right for one image at most.
    assert accuracy(0.4) in (0.6, 0.7)
    assert accuracy(1.0) == pytest.approx(0.1)


def test_only_the_named_layers_lose_units():
    generator = torch.Generator().manual_seed(0)
    found = accuracy_without(
        identity_network(), torch.eye(10), torch.arange(10), {"9": 1.0}, generator=generator
    )
    assert found == 1.0
