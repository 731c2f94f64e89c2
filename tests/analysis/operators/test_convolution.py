"""Multiply-accumulates of convolutions against counting the multiplications one by one."""

from itertools import product

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from defib.analysis.inspection import inspect
from defib.records.architecture import LayerRecord
from tests.analysis.arithmetic import written


def only_layer(network: nn.Module, *shape: int) -> LayerRecord:
    [layer] = inspect(network, shape).layers
    return layer


def counted(convolution: nn.Module, *shape: int) -> tuple[int, int]:
    """Multiplications of a naive loop, and how many of them use an element of the image."""
    weight, groups = convolution.weight, convolution.groups
    output = tuple(convolution.to("meta")(torch.empty(shape, device="meta")).shape)
    is_transposed = convolution.transposed
    positions, limits = (shape, output) if is_transposed else (output, shape)
    in_group = shape[1] // groups
    out_group = output[1] // groups
    everything = inside = 0
    for batch, group in product(range(shape[0]), range(groups)):
        del batch, group
        for place in product(*map(range, positions[2:])):
            for tap in product(*map(range, weight.shape[2:])):
                reached = [
                    place[axis] * convolution.stride[axis]
                    - convolution.padding[axis]
                    + tap[axis] * convolution.dilation[axis]
                    for axis in range(len(place))
                ]
                everything += in_group * out_group
                pairs = zip(reached, limits[2:], strict=True)
                if all(0 <= index < limit for index, limit in pairs):
                    inside += in_group * out_group
    return everything, inside


CONVOLUTIONS = [
    (nn.Conv1d(3, 4, 3), (1, 3, 9)),
    (nn.Conv1d(4, 6, 3, stride=2, padding=2, dilation=2, groups=2), (2, 4, 11)),
    (nn.Conv2d(3, 5, 3), (1, 3, 6, 7)),
    (nn.Conv2d(3, 5, (3, 2), stride=(2, 1), padding=(1, 2)), (2, 3, 6, 7)),
    (nn.Conv2d(4, 4, 3, padding=1, groups=4), (1, 4, 5, 5)),
    (nn.Conv2d(2, 3, 3, padding=4, dilation=3, stride=3), (1, 2, 8, 9)),
    (nn.Conv2d(2, 3, 5, padding=2), (1, 2, 2, 1)),
    (nn.Conv3d(2, 3, 2, stride=2, padding=1), (1, 2, 4, 3, 5)),
    (nn.ConvTranspose1d(3, 4, 3, stride=2), (1, 3, 5)),
    (nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2), (2, 4, 4, 3)),
    (nn.ConvTranspose2d(2, 3, 3, padding=2, dilation=2), (1, 2, 5, 6)),
    (nn.ConvTranspose3d(2, 3, 2, stride=2), (1, 2, 2, 3, 2)),
]


@pytest.mark.parametrize(("convolution", "shape"), CONVOLUTIONS, ids=str)
def test_counts_equal_a_naive_loop(convolution: nn.Module, shape: tuple[int, ...]):
    everything, inside = counted(convolution, *shape)
    layer = only_layer(convolution, *shape)
    assert layer.macs.value == everything
    assert layer.connections.value == inside
    assert layer.padding_macs.value == everything - inside


@pytest.mark.parametrize(("convolution", "shape"), CONVOLUTIONS, ids=str)
def test_macs_equal_those_of_torch(convolution: nn.Module, shape: tuple[int, ...]):
    if convolution.groups > 1 and convolution.transposed:
        pytest.skip("torch 2.13 forgets the groups of transposed convolutions")
    with FlopCounterMode(display=False) as oracle:
        convolution.to("meta")(torch.empty(shape, device="meta"))
    assert only_layer(convolution, *shape).macs.value == oracle.get_total_flops() / 2


def test_arithmetic_is_that_of_a_lecturer():
    layer = only_layer(nn.Conv2d(3, 100, 5, stride=2), 1, 3, 45, 45)
    assert written(layer.macs.expression) == "(5*5*3*100)*(21*21)"
    assert layer.padding_macs.value == 0


def test_a_batch_multiplies_the_whole():
    layer = only_layer(nn.Conv2d(3, 100, 5, stride=2), 8, 3, 45, 45)
    assert written(layer.macs.expression) == "(5*5*3*100)*(21*21)*8"


def test_groups_divide_the_input_channels():
    layer = only_layer(nn.Conv2d(96, 256, 5, padding=2, groups=2, bias=False), 1, 96, 27, 27)
    assert written(layer.macs.expression) == "(5*5*48*256)*(27*27)"


def test_connections_are_a_product_of_sums():
    layer = only_layer(nn.Conv2d(3, 4, 3, padding=1), 1, 3, 5, 5)
    assert written(layer.connections.expression) == "(2*2 + 3*3)*(2*2 + 3*3)*3*4"


def test_share_of_padding_is_exact():
    # 13 x 13 of 15 x 15 products of a 5 x 5 map with a padded 3 x 3 kernel meet the image.
    layer = only_layer(nn.Conv2d(1, 1, 3, padding=1), 1, 1, 5, 5)
    assert (layer.padding_macs.value, layer.macs.value) == (15 * 15 - 13 * 13, 15 * 15)


def test_uneven_same_padding_is_padding():
    layer = only_layer(nn.Conv1d(2, 3, 4, padding="same"), 1, 2, 9)
    # Positions 0, 7 and 8 miss 1, 1 and 2 of their 4 taps.
    assert (layer.macs.value, layer.padding_macs.value) == (9 * 4 * 6, 4 * 6)


def test_zeros_of_a_padding_layer_are_padding():
    network = nn.Sequential(nn.ZeroPad2d((1, 0, 0, 0)), nn.Conv2d(1, 1, 2))
    assert inspect(network, (1, 1, 3, 3)).layers[2].padding_macs.value == 2 * 2


def test_mirrored_borders_are_no_padding():
    layer = only_layer(nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect"), 1, 1, 5, 5)
    assert layer.padding_macs.value == 0


class Unbatched(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(4, 3, 3, 3))

    def forward(self, image: Tensor) -> Tensor:
        return nn.functional.conv2d(image, self.weight)


def test_an_image_without_batch_is_one_image():
    assert written(only_layer(Unbatched(), 3, 6, 6).macs.expression) == "(3*3*3*4)*(4*4)"
