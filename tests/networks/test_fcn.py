import pytest
import torch
from torch import Tensor, nn

from defib.networks.fcn import FullyConvolutionalNetwork, bilinear_upsampling

NARROW = ((2,) * 2, (2,) * 2, (2,) * 3, (2,) * 3, (2,) * 3)


def narrow(skips: int) -> FullyConvolutionalNetwork:
    torch.manual_seed(0)
    return FullyConvolutionalNetwork(3, skips=skips, stages=NARROW, hidden=4).eval()


@pytest.mark.parametrize("skips", [0, 1, 2])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (33, 48), (70, 131)])
def test_output_is_as_large_as_the_image(skips: int, height: int, width: int):
    with torch.device("meta"):
        network = FullyConvolutionalNetwork(3, skips=skips, stages=NARROW, hidden=4)
    image = torch.empty(1, 3, height, width, device="meta")
    assert network(image).shape == (1, 3, height, width)


def test_upsampling_keeps_a_constant_inside():
    scores = bilinear_upsampling(2, stride=4)(torch.full((1, 2, 5, 5), 3.0))
    assert torch.allclose(scores[..., 4:-4, 4:-4], torch.tensor(3.0))


def test_upsampling_does_not_learn():
    assert not bilinear_upsampling(2, stride=4).weight.requires_grad


def centre_of_output(network: FullyConvolutionalNetwork, layer: nn.Module, index: int) -> float:
    """Column around which the output lies if `layer` scores position `index` and nothing else."""

    def silence(_layer: nn.Module, _inputs: object, scores: Tensor) -> Tensor:
        return torch.zeros_like(scores)

    def impulse(_layer: nn.Module, _inputs: object, scores: Tensor) -> Tensor:
        scores = torch.zeros_like(scores)
        scores[..., index, index] = 1
        return scores

    for scoring in (network.score, *(skip.score for skip in network.skips)):
        scoring.register_forward_hook(impulse if scoring is layer else silence)
    with torch.no_grad():
        output = network(torch.zeros(1, 3, 160, 160))[0].sum(dim=(0, 1))
    return float((output * torch.arange(160)).sum() / output.sum())


# Where a position's own window lies in the image, through the padding of 100 and the poolings.


@pytest.mark.parametrize("skips", [0, 1, 2])
def test_coarse_scores_lie_over_the_middle_of_what_they_saw(skips: int):
    network = narrow(skips)
    centre = centre_of_output(network, network.score, 2)
    assert centre == pytest.approx(32 * 2 + 12.5, abs=1e-3)


@pytest.mark.parametrize("skips", [1, 2])
def test_scores_of_the_fourth_pooling_lie_over_what_they_saw(skips: int):
    network = narrow(skips)
    centre = centre_of_output(network, network.skips[0].score, 10)
    assert centre == pytest.approx(16 * 10 - 91.5, abs=1e-3)


def test_scores_of_the_third_pooling_lie_over_what_they_saw():
    network = narrow(2)
    centre = centre_of_output(network, network.skips[1].score, 20)
    assert centre == pytest.approx(8 * 20 - 95.5, abs=1e-3)
