import itertools

import pytest
import torch
import torch.nn.functional as F

from defib.analysis.signal_propagation.taps import Axis, taps


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "dilation", "padding"),
    [
        each
        for each in itertools.product((5, 8), (1, 3, 4), (1, 2, 3), (1, 2), (0, 1, 3))
        if each[0] + 2 * each[4] >= each[3] * (each[1] - 1) + 1
    ],
)
def test_as_a_convolution_of_ones(size: int, kernel: int, stride: int, dilation: int, padding: int):
    counts = F.conv1d(
        torch.ones(1, 1, size), torch.ones(1, 1, kernel), None, stride, padding, dilation
    )
    axis = Axis(
        size=size,
        new_size=counts.shape[-1],
        kernel=kernel,
        stride=stride,
        dilation=dilation,
        padding=padding,
    )
    assert taps(axis) == counts.sum()


def test_copies_of_inputs_count_in_full():
    axis = Axis(size=5, new_size=5, kernel=3, stride=1, dilation=1, padding=None)
    assert taps(axis) == 15
