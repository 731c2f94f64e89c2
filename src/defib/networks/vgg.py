"""VGG networks: stages of 3 x 3 convolutions, each halved by a pooling."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

VGG_11 = ((64,), (128,), (256,) * 2, (512,) * 2, (512,) * 2)
"""Channels of each convolution of each stage; column A of Table 1 of the paper."""
VGG_16 = ((64,) * 2, (128,) * 2, (256,) * 3, (512,) * 3, (512,) * 3)
"""Column D."""
VGG_19 = ((64,) * 2, (128,) * 2, (256,) * 4, (512,) * 4, (512,) * 4)
"""Column E."""


class VGG(nn.Module):
    """Scores of `classes` classes for 3 x 224 x 224 images.

    Simonyan, Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition"
    (2015), arXiv:1409.1556, the variants without local response normalisation.
    """

    def __init__(self, stages: Sequence[Sequence[int]], classes: int = 1000) -> None:
        super().__init__()
        self.stages = vgg_stages(stages)
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(stages[-1][-1] * 7 * 7, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.stages(images))


def vgg_11(classes: int = 1000) -> VGG:
    """VGG with 8 convolutions, for 224 x 224 images: 132,863,336 parameters."""
    return VGG(VGG_11, classes)


def vgg_16(classes: int = 1000) -> VGG:
    """VGG with 13 convolutions, for 224 x 224 images: 138,357,544 parameters."""
    return VGG(VGG_16, classes)


def vgg_19(classes: int = 1000) -> VGG:
    """VGG with 16 convolutions, for 224 x 224 images: 143,667,240 parameters."""
    return VGG(VGG_19, classes)


def vgg_stages(
    stages: Sequence[Sequence[int]], *, first_padding: int = 1, is_rounded_up: bool = False
) -> nn.Sequential:
    """The convolutional part of a VGG network on 3 channels, one `Sequential` for each stage.

    `first_padding` is that of the very first convolution, in pixels. `is_rounded_up`: a pooling
    keeps the last row and column of an odd map, as Caffe does.
    """
    channels = 3
    built: list[nn.Module] = []
    for widths in stages:
        layers: list[nn.Module] = []
        for width in widths:
            is_first = not built and not layers
            padding = first_padding if is_first else 1
            layers += [nn.Conv2d(channels, width, 3, padding=padding), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2, ceil_mode=is_rounded_up))
        built.append(nn.Sequential(*layers))
    return nn.Sequential(*built)
