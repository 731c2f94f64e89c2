"""Parameter counts and output shapes of the published networks, without allocating them."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from defib.networks.alexnet import AlexNet
from defib.networks.alexnet_v2 import AlexNetV2
from defib.networks.decoder import LLAMA_3_8B, LLAMA_3_70B, Decoder
from defib.networks.fcn import fcn_8s, fcn_16s, fcn_32s
from defib.networks.googlenet import googlenet
from defib.networks.inception_v2 import inception_v2
from defib.networks.lenet import lenet_5
from defib.networks.mini_googlenet import mini_googlenet
from defib.networks.mobilenet import mobilenet_v1
from defib.networks.resnet import resnet_18, resnet_50, resnet_101
from defib.networks.unet import UNet
from defib.networks.vgg import vgg_11, vgg_16, vgg_19
from defib.networks.vision_transformer import vision_transformer_b_16

PUBLISHED = [
    (AlexNet, (3, 227, 227), (1000,), 60_965_224),
    (AlexNetV2, (3, 224, 224), (1000,), 50_303_912),
    (vgg_11, (3, 224, 224), (1000,), 132_863_336),
    (vgg_16, (3, 224, 224), (1000,), 138_357_544),
    (vgg_19, (3, 224, 224), (1000,), 143_667_240),
    (lenet_5, (1, 28, 28), (10,), 61_706),
    (googlenet, (3, 224, 224), (1000,), 6_998_552),
    (mini_googlenet, (3, 32, 32), (10,), 1_652_826),
    (inception_v2, (3, 224, 224), (1000,), 11_188_224),
    (mobilenet_v1, (3, 224, 224), (1000,), 4_231_976),
    (resnet_18, (3, 224, 224), (1000,), 11_689_512),
    (resnet_50, (3, 224, 224), (1000,), 25_557_032),
    (resnet_101, (3, 224, 224), (1000,), 44_549_160),
    (fcn_32s, (3, 375, 500), (21, 375, 500), 136_152_917),
    (fcn_16s, (3, 375, 500), (21, 375, 500), 134_815_994),
    (fcn_8s, (3, 375, 500), (21, 375, 500), 134_489_759),
    (UNet, (1, 572, 572), (2, 388, 388), 31_030_658),
    (vision_transformer_b_16, (3, 224, 224), (1000,), 86_567_656),
]
NAMES = [row[0].__name__ for row in PUBLISHED]


def on_meta(build: Callable[[], nn.Module]) -> nn.Module:
    with torch.device("meta"):
        return build()


def images(*shape: int) -> Tensor:
    return torch.empty(2, *shape, device="meta")


def parameter_count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(("build", "count"), [(row[0], row[3]) for row in PUBLISHED], ids=NAMES)
def test_parameter_count_is_the_published_one(build: Callable[[], nn.Module], count: int):
    assert parameter_count(on_meta(build)) == count


@pytest.mark.parametrize(("build", "shape", "output"), [row[:3] for row in PUBLISHED], ids=NAMES)
def test_output_shape_for_the_published_input(
    build: Callable[[], nn.Module], shape: tuple[int, ...], output: tuple[int, ...]
):
    assert on_meta(build)(images(*shape)).shape == (2, *output)


@pytest.mark.parametrize(
    ("size", "count"), [(LLAMA_3_8B, 8_030_261_248), (LLAMA_3_70B, 70_553_706_496)]
)
def test_a_large_decoder_has_the_published_parameter_count(size, count: int):
    assert parameter_count(on_meta(lambda: Decoder(size))) == count


def test_weights_of_vgg_19_without_biases():
    network = on_meta(vgg_19)
    weights = [each for each in network.parameters() if each.dim() > 1]
    assert sum(each.numel() for each in weights) == 143_652_544


def test_inception_v2_counts_as_in_the_test_of_tf_slim():
    # Without the head; normalisation has a shift and two statistics there, but no scale.
    layers = list(on_meta(inception_v2).modules())
    convolutions = [each for each in layers if isinstance(each, nn.Conv2d)]
    norms = [each for each in layers if isinstance(each, nn.BatchNorm2d)]
    channels = sum(each.num_features for each in norms)
    assert sum(parameter_count(each) for each in convolutions) + 3 * channels == 10_173_112
