import pytest
import torch.nn.functional as F
from torch import Tensor, nn

from defib.analysis.inspection import inspect
from defib.records.architecture import KernelWindow


def windows_of(network: nn.Module, *shape: int) -> list[KernelWindow]:
    operations = inspect(network, shape).operations
    return [each.window for each in operations if each.window is not None]


def test_options_of_a_convolution():
    layer = nn.Conv2d(4, 6, (3, 5), stride=2, padding=(1, 2), dilation=(1, 2), groups=2)
    [window] = windows_of(layer, 1, 4, 9, 20)
    assert window == KernelWindow(
        (3, 5), (9, 20), (5, 8), (2, 2), (1, 2), (1, 2), groups=2, is_transposed=False
    )


def test_options_of_a_transposed_convolution():
    [window] = windows_of(nn.ConvTranspose1d(4, 6, 3, stride=2), 1, 4, 9)
    assert (window.is_transposed, window.inputs, window.outputs) == (True, (9,), (19,))


@pytest.mark.parametrize("pooling", [nn.MaxPool2d(3, padding=1), nn.AvgPool2d(3, padding=1)])
def test_a_pooling_strides_by_its_kernel(pooling: nn.Module):
    [window] = windows_of(pooling, 1, 4, 9, 9)
    assert (window.kernel, window.stride, window.padding) == ((3, 3), (3, 3), (1, 1))


def test_other_operators_have_none():
    assert windows_of(nn.Sequential(nn.Linear(3, 2), nn.AdaptiveAvgPool1d(1)), 2, 3) == []


class Softmaxes(nn.Module):
    def forward(self, features: Tensor) -> Tensor:
        return F.log_softmax(F.softmax(features, -1), 1)


def test_axes_of_softmaxes_count_from_the_front():
    operations = inspect(Softmaxes(), (2, 3, 4)).operations
    assert [each.axis for each in operations if each.axis is not None] == [2, 1]
