"""MobileNet: depthwise and pointwise convolutions in turn."""

from __future__ import annotations

from torch import nn

from defib.networks.normalized_convolution import normalized_convolution

# Table 1 of the paper, without its first row: output channels and stride of each pair.
SEPARABLE_CONVOLUTIONS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *((512, 1),) * 5,
    (1024, 2),
    (1024, 1),
)


def mobilenet_v1(classes: int = 1000) -> nn.Sequential:
    """Scores of `classes` classes for 3 x 224 x 224 images: 4,231,976 parameters.

    Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision
    Applications" (2017), arXiv:1704.04861, with all channels. Araujo, Norris, Sim (2019) give a
    receptive field of 315 and a stride of 32 pixels before the last pooling. The padding is
    symmetric, which is TensorFlow's SAME at odd sizes such as 321.
    """
    channels = 32
    layers: list[nn.Module] = [normalized_convolution(3, channels, 3, stride=2)]
    for width, stride in SEPARABLE_CONVOLUTIONS:
        layers += [
            normalized_convolution(channels, channels, 3, stride=stride, groups=channels),
            normalized_convolution(channels, width, 1),
        ]
        channels = width
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)
    )
