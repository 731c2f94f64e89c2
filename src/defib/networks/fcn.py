"""Fully convolutional networks for semantic segmentation: FCN-32s, FCN-16s and FCN-8s."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from defib.networks.cropping import cropped
from defib.networks.vgg import VGG_16, vgg_stages

PADDING = 100
"""Of the first convolution, in pixels: room for the 7 x 7 convolution on any image."""
SKIP_CROPS = (5, 9)
"""Rows and columns cut from the scores of the fourth and of the third pooling."""
OUTPUT_CROPS = (19, 27, 31)
"""Rows and columns cut from the output, for no, one and two skips.

All crops align the centres of the receptive fields under a padding of 100; they are those of
the authors' code, github.com/shelhamer/fcn.berkeleyvision.org.
"""


class Skip(nn.Module):
    """Coarse scores doubled in size, plus the scores of a finer map."""

    def __init__(self, channels: int, classes: int, crop: int) -> None:
        super().__init__()
        self.score = nn.Conv2d(channels, classes, 1)
        self.upsampling = bilinear_upsampling(classes, stride=2)
        self.crop = crop

    def forward(self, coarse: Tensor, features: Tensor) -> Tensor:
        doubled = self.upsampling(coarse)
        return doubled + cropped(self.score(features), doubled, top=self.crop, left=self.crop)


class FullyConvolutionalNetwork(nn.Module):
    """Scores of `classes` classes for each pixel, as high and wide as the image of any size.

    Long, Shelhamer, Darrell, "Fully Convolutional Networks for Semantic Segmentation" (2015),
    arXiv:1411.4038, published for PASCAL VOC images (about 500 x 375). `stages` are five, as in
    `vgg`; fewer channels in them and in `hidden` make a small network with the same geometry.
    """

    def __init__(
        self,
        classes: int = 21,
        *,
        skips: int,
        stages: Sequence[Sequence[int]] = VGG_16,
        hidden: int = 4096,
    ) -> None:
        super().__init__()
        self.stages = vgg_stages(stages, first_padding=PADDING, is_rounded_up=True)
        self.score = nn.Sequential(
            nn.Conv2d(stages[-1][-1], hidden, 7),
            nn.ReLU(),
            nn.Dropout2d(0.5),
            nn.Conv2d(hidden, hidden, 1),
            nn.ReLU(),
            nn.Dropout2d(0.5),
            nn.Conv2d(hidden, classes, 1),
        )
        finer = [stage[-1] for stage in reversed(stages[:-1])]
        self.skips = nn.ModuleList(
            Skip(channels, classes, crop)
            for channels, crop in zip(finer[:skips], SKIP_CROPS[:skips], strict=True)
        )
        self.upsampling = bilinear_upsampling(classes, stride=32 // 2**skips)
        self.crop = OUTPUT_CROPS[skips]

    def forward(self, images: Tensor) -> Tensor:
        maps = stage_maps(self.stages, images)
        scores = self.score(maps[-1])
        for skip, finer in zip(self.skips, reversed(maps[:-1]), strict=False):
            scores = skip(scores, finer)
        return cropped(self.upsampling(scores), images, top=self.crop, left=self.crop)


def fcn_32s(classes: int = 21) -> FullyConvolutionalNetwork:
    """FCN on VGG-16 without a skip: one upsampling by 32."""
    return FullyConvolutionalNetwork(classes, skips=0)


def fcn_16s(classes: int = 21) -> FullyConvolutionalNetwork:
    """FCN on VGG-16 with the scores of the fourth pooling: upsampled by 2, then by 16."""
    return FullyConvolutionalNetwork(classes, skips=1)


def fcn_8s(classes: int = 21) -> FullyConvolutionalNetwork:
    """FCN on VGG-16 with the scores of the fourth and third pooling: by 2, by 2, then by 8."""
    return FullyConvolutionalNetwork(classes, skips=2)


def stage_maps(stages: Iterable[nn.Module], images: Tensor) -> list[Tensor]:
    """What each stage makes of the one before it, the finest first."""
    maps: list[Tensor] = []
    for stage in stages:
        maps.append(stage(maps[-1] if maps else images))
    return maps


def bilinear_upsampling(channels: int, *, stride: int) -> nn.ConvTranspose2d:
    """A transposed convolution that interpolates; frozen, as in the authors' code."""
    layer = nn.ConvTranspose2d(channels, channels, 2 * stride, stride=stride, bias=False)
    distance = (torch.arange(2 * stride) - (stride - 0.5)).abs() / stride
    kernel = torch.outer(1 - distance, 1 - distance)
    layer.weight.requires_grad_(False)
    layer.weight.copy_(torch.eye(channels)[:, :, None, None] * kernel)
    return layer
