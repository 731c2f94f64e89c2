import pytest
import torch
from torch import nn

from defib.studies.pooling_and_noise.pixel_noise import changes, gaussian, specks

IMAGES = torch.linspace(-1.0, 3.0, 50 * 100).view(50, 1, 10, 10)


def test_gaussian_noise_is_the_same_at_every_deviation_only_larger():
    small, large = (gaussian(IMAGES, each, 0) - IMAGES for each in (0.5, 1.0))
    torch.testing.assert_close(2 * small, large, atol=1e-5, rtol=1e-5)
    assert float(large.std()) == pytest.approx(1.0, abs=0.05)
    assert torch.equal(gaussian(IMAGES, 0.0, 0), IMAGES)


def test_specks_are_black_or_white_and_those_of_a_smaller_share_stay():
    few, many = (specks(IMAGES, each, 0) for each in (0.1, 0.3))
    is_few, is_many = few != IMAGES, many != IMAGES
    assert set(few[is_few].tolist()) <= {-1.0, 3.0}
    assert float(is_many.float().mean()) == pytest.approx(0.3, abs=0.02)
    assert not bool((is_few & ~is_many).any())
    assert torch.equal(specks(IMAGES, 0.0, 0), IMAGES)


def test_another_seed_draws_other_noise():
    assert not torch.equal(gaussian(IMAGES, 1.0, 0), gaussian(IMAGES, 1.0, 1))
    assert not torch.equal(specks(IMAGES, 0.3, 0), specks(IMAGES, 0.3, 1))


def test_the_change_is_relative_to_the_deviation_between_images():
    images = torch.tensor([[0.0], [2.0]])
    halved = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        halved.weight.fill_(0.5)
    # The images deviate by 1 from their mean; halved, they and their changes are halves.
    network = nn.Sequential(nn.Identity(), halved)
    [first, second] = changes(network, images, images + 3)
    assert first == pytest.approx((3.0, 0.0))
    assert second == pytest.approx((3.0, 0.0))
    [first, second] = changes(network, images, images + torch.tensor([[3.0], [-3.0]]))
    assert first == second == pytest.approx((3.0, 3.0))
