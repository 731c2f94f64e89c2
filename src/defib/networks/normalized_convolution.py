"""A convolution with batch normalisation, the brick of many published networks."""

from __future__ import annotations

from torch import nn


def normalized_convolution(
    before: int,
    after: int,
    kernel: int,
    *,
    stride: int = 1,
    padding: int | None = None,
    groups: int = 1,
    has_bias: bool = False,
    is_rectified: bool = True,
) -> nn.Sequential:
    """A convolution, its batch normalisation and a ReLU.

    `padding=None`: half the kernel, which keeps the size at stride 1.
    """
    layers = nn.Sequential(
        nn.Conv2d(
            before,
            after,
            kernel,
            stride=stride,
            padding=kernel // 2 if padding is None else padding,
            groups=groups,
            bias=has_bias,
        ),
        nn.BatchNorm2d(after),
    )
    return layers.append(nn.ReLU()) if is_rectified else layers
