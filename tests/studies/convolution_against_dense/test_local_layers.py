import pytest
import torch
from torch import nn

from defib.networks.locally_connected import LocallyConnected2d
from defib.studies.convolution_against_dense.local_layers import (
    LOCAL,
    Task,
    accuracy_by_shift,
    bytes_of_training,
    shift_error,
    shifted,
    trained,
    weight_count,
)
from defib.studies.image_sets import Images


def test_a_shift_moves_pixels_and_brings_in_the_page():
    image = torch.arange(9.0).view(1, 1, 3, 3)
    assert shifted(image, 1, 0)[0, 0].tolist() == [[0, 0, 0], [0, 1, 2], [3, 4, 5]]
    assert shifted(image, 0, -2)[0, 0].tolist() == [[2, 0, 0], [5, 0, 0], [8, 0, 0]]
    assert torch.equal(shifted(image, 0, 0), image)


def test_accuracy_by_shift_is_the_mean_over_four_directions():
    # Right where the bright pixel stands in its column: not after a move to the left or right.
    images = torch.zeros(10, 1, 5, 5)
    images[..., 2, 2] = 1.0
    labels = torch.ones(10, dtype=torch.int64)

    class Column(nn.Module):
        def forward(self, images):
            inside = images[..., 2].amax(dim=(1, 2))
            return torch.stack([0.5 - inside, inside - 0.5], dim=1)

    found = accuracy_by_shift(Column(), Images(images, labels, images, labels), (0, 1))
    assert found == [(0, 1.0), (1, 0.5)]


def test_a_convolution_moves_with_the_image_and_a_locally_connected_layer_does_not():
    images = torch.randn(4, 1, 13, 13)
    convolution = nn.Conv2d(1, 3, 5, stride=2)
    local = LocallyConnected2d(1, 3, kernel=5, stride=2, size=(13, 13))
    assert shift_error(nn.Sequential(convolution), images) < 1e-5
    assert shift_error(nn.Sequential(local), images) > 0.5
    local.share(convolution)
    assert shift_error(nn.Sequential(local), images) < 1e-5


def test_bytes_of_training_are_parameters_gradients_and_two_moments():
    network = nn.Linear(3, 2)
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    assert bytes_of_training(network, optimizer) == 4 * 4 * (3 * 2 + 2)
    assert weight_count(network) == 6


def test_a_training_sees_the_first_images_alone_and_as_many_updates_as_asked():
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(64, 1, 13, 13, generator=generator)
    labels = torch.randint(2, (64,), generator=generator)
    images[32:], labels[32:] = float("nan"), 0
    data = Images(images, labels, images[:32], labels[:32])
    done = trained(Task((1, 2, 2), (32,), 150, 32, outputs=2), LOCAL, data, 32, 0)
    assert done.examples == 32
    assert done.train_accuracy == pytest.approx(done.accuracy)
    assert done.accuracy > 0.8
