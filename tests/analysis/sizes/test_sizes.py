"""Output sizes with their arithmetic, layer by layer."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from defib.analysis.inspection import inspect
from defib.networks.screenshots import screenshot_convolutional_network
from tests.analysis.arithmetic import written


def sizes(network: nn.Module, *shape: int) -> dict[str, str]:
    layer = inspect(network, shape).layers[-1]
    tail = layer.outputs[0].dimensions[-len(layer.sizes) :]
    assert tuple(each.expression.value for each in layer.sizes) == tail
    return {each.axis: written(each.expression) for each in layer.sizes}


class Joined(nn.Module):
    def forward(self, features: Tensor) -> Tensor:
        return torch.cat([features, features.repeat(1, 2, 1, 1)], dim=1)


@pytest.mark.parametrize(
    ("network", "shape", "axis", "text"),
    [
        (nn.Conv2d(3, 8, 5, stride=2), (1, 3, 45, 45), "height", "floor((45 - 5)/2) + 1"),
        (nn.Conv1d(3, 8, 3, padding="same"), (1, 3, 9), "length", "9 + 2*1 - 3 + 1"),
        (nn.ConvTranspose2d(3, 8, 2, stride=2), (1, 3, 7, 7), "width", "(7 - 1)*2 + 2"),
        (nn.MaxPool2d(3, 2), (1, 3, 55, 55), "height", "floor((55 - 3)/2) + 1"),
        (nn.MaxPool2d(2, return_indices=True), (1, 3, 8, 8), "height", "floor((8 - 2)/2) + 1"),
        (nn.AvgPool2d(2, ceil_mode=True), (1, 3, 7, 7), "height", "ceil((7 - 2)/2) + 1"),
        (nn.AdaptiveAvgPool2d((None, 2)), (1, 3, 7, 7), "height", "7"),
        (nn.Flatten(), (2, 100, 3, 3), "features", "100*3*3"),
        (nn.Linear(9, 4), (2, 9), "features", "4"),
        (nn.ZeroPad2d((1, 2, 0, 3)), (1, 3, 7, 7), "height", "7 + 3"),
        (nn.Upsample(scale_factor=2), (1, 3, 7, 7), "width", "7*2"),
        (Joined(), (1, 3, 7, 7), "channels", "3 + 6"),
    ],
    ids=str,
)
def test_size_is_written_as_arithmetic(
    network: nn.Module, shape: tuple[int, ...], axis: str, text: str
):
    assert sizes(network, *shape)[axis] == text


class PaddedByTensors(nn.Module):
    def forward(self, features: Tensor) -> Tensor:
        before, after = torch.tensor([1, 2])
        return F.pad(features, (before, after))  # pyright: ignore[reportArgumentType]


def test_numbers_that_are_tensors_give_no_arithmetic():
    record = inspect(PaddedByTensors(), torch.zeros(1, 3, 4, 4))
    assert record.is_traced
    assert (record.layers[0].sizes, record.outputs[0].dimensions) == ((), (1, 3, 4, 7))


def test_layer_without_formula_has_no_sizes():
    assert inspect(nn.ReLU(), (1, 3, 4, 4)).layers[0].sizes == ()


def test_every_map_of_the_screenshot_network():
    layers = inspect(screenshot_convolutional_network(), (1, 3, 45, 45)).layers
    heights = [each.expression.value for layer in layers for each in layer.sizes[1:2]]
    assert heights == [21, 9, 3]
