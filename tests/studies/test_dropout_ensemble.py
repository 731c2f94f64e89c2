import itertools

import pytest
import torch

from defib.studies.dropout_ensemble import KEEP, Layers, _means, _members


@pytest.fixture
def layers() -> Layers:
    generator = torch.Generator().manual_seed(0)
    shapes = [(4, 3), (3, 2)]
    return Layers(
        tuple(torch.randn(*shape, generator=generator).double() for shape in shapes),
        tuple(torch.randn(shape[1], generator=generator).double() for shape in shapes),
    )


def test_the_members_are_all_subnetworks_once(layers: Layers):
    inputs = torch.randn(5, 4, generator=torch.Generator().manual_seed(1)).double()
    members = _members(layers, inputs, (3,))
    assert members.shape == (8, 5, 2)
    for member, mask in zip(members, itertools.product((0.0, 1.0), repeat=3), strict=True):
        hidden = torch.relu(inputs @ layers.weights[0] + layers.biases[0]) * torch.tensor(mask)
        torch.testing.assert_close(member, hidden @ layers.weights[1] + layers.biases[1])


def test_the_geometric_mean_is_that_of_the_products(layers: Layers):
    inputs = torch.randn(5, 4, generator=torch.Generator().manual_seed(1)).double()
    probabilities = torch.softmax(_members(layers, inputs, (3,)), dim=2)
    product = probabilities.prod(dim=0) ** (1 / 8)
    expected = product / product.sum(dim=1, keepdim=True)
    torch.testing.assert_close(_means(_members(layers, inputs, (3,)))["geometric"], expected)


def test_the_scaled_network_is_the_mean_of_the_scores(layers: Layers):
    inputs = torch.randn(5, 4, generator=torch.Generator().manual_seed(1)).double()
    scaled = layers.scores(inputs, (torch.full((3,), KEEP, dtype=torch.float64),))
    torch.testing.assert_close(_members(layers, inputs, (3,)).mean(dim=0), scaled)
