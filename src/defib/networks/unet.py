"""U-Net."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from defib.networks.cropping import cropped


class UNet(nn.Module):
    """Scores of `classes` classes for each pixel of the middle of the image.

    Ronneberger, Fischer, Brox, "U-Net: Convolutional Networks for Biomedical Image
    Segmentation" (2015), arXiv:1505.04597. The defaults are the published variant: one channel,
    572 x 572 to 388 x 388, 64 to 1024 channels, four poolings, unpadded convolutions, dropout
    at the end of the contracting path. `padding=1` keeps the size of images that can be halved
    `depth` times.
    """

    def __init__(
        self,
        channels: int = 1,
        classes: int = 2,
        *,
        width: int = 64,
        depth: int = 4,
        padding: int = 0,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(depth + 1)]
        self.pooling = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(dropout)
        self.contracting = nn.ModuleList(
            _double_convolution(before, after, padding)
            for before, after in pairwise([channels, *widths])
        )
        self.upsamplings = nn.ModuleList(
            nn.ConvTranspose2d(before, after, 2, stride=2)
            for before, after in pairwise(reversed(widths))
        )
        self.expanding = nn.ModuleList(
            _double_convolution(before, after, padding)
            for before, after in pairwise(reversed(widths))
        )
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        maps: list[Tensor] = []
        features = images
        for level, convolutions in enumerate(self.contracting):
            features = convolutions(self.pooling(features) if level else features)
            maps.append(features)
        features = self.dropout(maps.pop())
        for upsampling, convolutions in zip(self.upsamplings, self.expanding, strict=True):
            upsampled = upsampling(features)
            features = convolutions(torch.cat([_middle(maps.pop(), upsampled), upsampled], dim=1))
        return self.head(features)


def _double_convolution(before: int, after: int, padding: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=padding),
        nn.ReLU(),
        nn.Conv2d(after, after, 3, padding=padding),
        nn.ReLU(),
    )


def _middle(features: Tensor, like: Tensor) -> Tensor:
    top, left = (
        (larger - smaller) // 2
        for larger, smaller in zip(features.shape[-2:], like.shape[-2:], strict=True)
    )
    return cropped(features, like, top=top, left=left)
