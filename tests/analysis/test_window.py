"""Sizes and taps of sliding windows against torch and against counting."""

from itertools import product

import pytest
import torch
import torch.nn.functional as F

from defib.analysis.window import Window
from tests.analysis.arithmetic import written

CASES = [
    (size, kernel, stride, padding, dilation)
    for size, kernel, stride, padding, dilation in product(
        (5, 6, 9), (1, 2, 3), (1, 2, 3), (0, 1), (1, 2)
    )
    if padding <= kernel // 2
]


@pytest.mark.parametrize(("size", "kernel", "stride", "padding", "dilation"), CASES)
@pytest.mark.parametrize("is_rounded_up", [False, True])
def test_size_is_that_of_torch(
    size: int, kernel: int, stride: int, padding: int, dilation: int, *, is_rounded_up: bool
):
    window = Window(
        "length", size, kernel, stride, padding, padding, dilation, is_rounded_up=is_rounded_up
    )
    pooled = F.max_pool1d(
        torch.zeros(1, 1, size), kernel, stride, padding, dilation, ceil_mode=is_rounded_up
    )
    assert window.output_size().value == pooled.shape[-1]


@pytest.mark.parametrize(("size", "kernel", "stride", "padding", "dilation"), CASES)
def test_transposed_size_is_that_of_torch(
    size: int, kernel: int, stride: int, padding: int, dilation: int
):
    window = Window("length", size, kernel, stride, padding, padding, dilation, is_transposed=True)
    spread = F.conv_transpose1d(
        torch.zeros(1, 1, size),
        torch.zeros(1, 1, kernel),
        stride=stride,
        padding=padding,
        dilation=dilation,
    )
    assert window.output_size().value == spread.shape[-1]


@pytest.mark.parametrize(("size", "kernel", "stride", "padding", "dilation"), CASES)
def test_taps_inside_are_those_of_a_loop(
    size: int, kernel: int, stride: int, padding: int, dilation: int
):
    window = Window("length", size, kernel, stride, padding, padding, dilation)
    output = window.output_size().value
    inside = sum(
        0 <= position * stride - padding + tap * dilation < size
        for position in range(output)
        for tap in range(kernel)
    )
    assert window.taps_inside(output).value == inside


@pytest.mark.parametrize(
    ("window", "text"),
    [
        (Window("height", 45, 5, 2), "floor((45 - 5)/2) + 1"),
        (Window("height", 224, 3, 1, 1, 1), "224 + 2*1 - 3 + 1"),
        (Window("height", 9, 3, 2, dilation=2), "floor((9 - 2*(3 - 1) + 1)/2) + 1"),
        (Window("height", 112, 3, 2, is_rounded_up=True), "ceil((112 - 3)/2) + 1"),
        (Window("height", 7, 2, 2, is_transposed=True), "(7 - 1)*2 + 2"),
    ],
)
def test_what_is_idle_is_not_written(window: Window, text: str):
    assert written(window.output_size()) == text
