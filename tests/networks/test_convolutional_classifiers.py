"""What sets the published classifiers apart, beyond their sizes."""

import pytest
import torch
from torch import Tensor, nn

from defib.networks.alexnet import AlexNet
from defib.networks.alexnet_v2 import AlexNetV2
from defib.networks.lenet import lenet_5
from defib.networks.mini_googlenet import mini_googlenet
from defib.networks.mobilenet import mobilenet_v1
from defib.networks.resnet import StridePlacement, resnet_50
from defib.networks.vgg import vgg_16


def images(*shape: int) -> Tensor:
    return torch.empty(2, *shape, device="meta")


def outputs(layers: nn.Module, features: Tensor) -> list[tuple[int, ...]]:
    """Shape after each child, without the batch."""
    shapes = []
    for layer in layers.children():
        features = layer(features)
        shapes.append(tuple(features.shape[1:]))
    return shapes


def test_alexnet_normalises_responses_by_the_formula_of_the_paper():
    with torch.device("meta"):
        network = AlexNet()
    norm = next(each for each in network.modules() if isinstance(each, nn.LocalResponseNorm))
    activity = torch.ones(1, 7, 1, 1)
    expected = 1 / (2 + 1e-4 * 5) ** 0.75
    assert norm(activity)[0, 3].item() == pytest.approx(expected, rel=1e-6)


def test_alexnet_v2_scores_larger_images():
    with torch.device("meta"):
        network = AlexNetV2()
    assert network(images(3, 321, 321)).shape == (2, 1000)


def test_each_stage_of_vgg_halves_the_map():
    with torch.device("meta"):
        network = vgg_16()
    sides = [shape[-1] for shape in outputs(network.stages, images(3, 224, 224))]
    assert sides == [112, 56, 28, 14, 7]


def test_lenet_takes_images_of_32_pixels_without_padding():
    with torch.device("meta"):
        network = lenet_5(padding=0)
    assert network(images(1, 32, 32)).shape == (2, 10)


def test_lenet_takes_another_activation_and_pooling():
    network = lenet_5(activation=nn.ReLU, pooling=nn.MaxPool2d)
    kinds = {type(layer) for layer in network}
    assert nn.MaxPool2d in kinds
    assert nn.Tanh not in kinds


def test_mini_googlenet_takes_crops_of_28_pixels_with_padded_downsampling():
    with torch.device("meta"):
        network = mini_googlenet(channels=1, downsampling_padding=1)
    shapes = outputs(network, images(1, 28, 28))
    assert [shape[-1] for shape in shapes[:6]] == [28, 28, 14, 14, 7, 7]


def test_mini_googlenet_without_scale_and_bias_has_the_size_of_the_paper():
    with torch.device("meta"):
        network = mini_googlenet()
    kept = [
        parameter.numel()
        for layer in network.modules()
        if not isinstance(layer, nn.BatchNorm2d)
        for parameter in layer.parameters(recurse=False)
    ]
    assert sum(kept) == 1_649_402


def test_every_second_convolution_of_mobilenet_mixes_no_channels():
    with torch.device("meta"):
        network = mobilenet_v1()
    convolutions = [each for each in network.modules() if isinstance(each, nn.Conv2d)]
    assert all(each.groups == each.in_channels for each in convolutions[1::2])
    assert all(each.kernel_size == (1, 1) for each in convolutions[2::2])


@pytest.mark.parametrize(
    ("placement", "sides"),
    [
        (StridePlacement.FIRST_POINTWISE, [56, 28, 14, 7]),
        (StridePlacement.FIRST_SPATIAL, [56, 28, 14, 7]),
        (StridePlacement.LAST_SPATIAL, [28, 14, 7, 7]),
    ],
)
def test_stages_of_resnet_halve_where_the_stride_is_placed(
    placement: StridePlacement, sides: list[int]
):
    with torch.device("meta"):
        network = resnet_50(placement=placement)
    features = network.stem(images(3, 224, 224))
    assert [shape[-1] for shape in outputs(network.stages, features)] == sides


@pytest.mark.parametrize("placement", StridePlacement)
def test_stride_placement_leaves_the_parameters(placement: StridePlacement):
    with torch.device("meta"):
        network = resnet_50(placement=placement)
    assert sum(parameter.numel() for parameter in network.parameters()) == 25_557_032
