import pytest
import torch
from torch.nn import functional

from defib.networks.small_fcn import SmallFCN


@pytest.mark.parametrize(("skips", "stride"), [(0, 32), (1, 16), (2, 8)])
def test_with_five_stages_the_strides_are_the_published_ones(skips: int, stride: int):
    network = SmallFCN((2, 2, 2, 2, 2), 3, skips=skips)
    assert network.upsampling.stride == (stride, stride)
    assert network(torch.zeros(1, 1, 64, 96)).shape == (1, 3, 64, 96)


@pytest.mark.parametrize("skips", [0, 1, 2])
def test_at_first_it_says_what_the_coarse_scores_say(skips: int):
    torch.manual_seed(0)
    network = SmallFCN((2, 3, 4), 3, skips=skips)
    images = torch.randn(1, 1, 48, 48)
    with torch.no_grad():
        features = images
        for stage in network.stages:
            features = stage(features)
        expected = network.score(features)
        for factor in (2,) * skips + (network.stride,):
            expected = functional.interpolate(expected, scale_factor=factor, mode="bilinear")
        inside = (..., slice(8, -8), slice(8, -8))
        assert torch.allclose(network(images)[inside], expected[inside], atol=1e-6)


def test_a_skip_with_weights_changes_places_that_the_coarse_scores_cannot_tell_apart():
    torch.manual_seed(0)
    network = SmallFCN((2, 3, 4), 1, skips=2)
    # The upsampled coarse scores alone are smooth: two neighbours differ by a 4th of a cell.
    weights, _ = network.skips[1].parameters()
    with torch.no_grad():
        weights.fill_(1.0)
        images = torch.zeros(1, 1, 16, 16)
        images[..., 8, 8] = 50.0
        bright = network(images) - network(torch.zeros_like(images))
        weights.zero_()
        smooth = network(images) - network(torch.zeros_like(images))
    assert bright.diff(dim=-1).abs().max() > 2 * smooth.diff(dim=-1).abs().max()


def test_upsamplings_do_not_learn():
    network = SmallFCN((2, 2), 2, skips=1)
    frozen = {name for name, each in network.named_parameters() if not each.requires_grad}
    assert frozen == {"doubling.weight", "upsampling.weight"}


def test_a_network_without_skips_has_no_layer_that_it_does_not_call():
    names = {name for name, _ in SmallFCN((4, 8), 3, skips=0).named_modules()}
    assert "doubling" not in names
    assert "doubling" in {name for name, _ in SmallFCN((4, 8), 3, skips=1).named_modules()}
