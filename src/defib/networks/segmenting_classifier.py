"""A classifier of small images turned into a network that scores every pixel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

_STRIDE = 3
"""Pixels between neighbouring places of the coarse maps."""


class SegmentingClassifier(nn.Module):
    """`pooled_convolutions` made fully convolutional: a score for each pixel of 1 x 9 x 9 images.

    The layers up to the second ReLU are those of `classifier` itself. Its second pooling, which
    loses the place, is left out; its first dense layer becomes a 1 x 1 convolution with a copy of
    its weights; its last one goes. `head` makes scores of 9 x 9 of the 20 maps of 3 x 3. With
    `has_skip` the scores of the 10 maps of 9 x 9 are added, as in Long, Shelhamer, Darrell (2015),
    arXiv:1411.4038; they begin at 0.
    """

    def __init__(
        self, classifier: nn.Sequential, head: nn.Module, *, has_skip: bool = False
    ) -> None:
        super().__init__()
        convolution, relu, pooling, second, second_relu, _, _, dense, *_ = classifier
        assert isinstance(dense, nn.Linear), dense
        self.fine = nn.Sequential(convolution, relu)
        self.coarse = nn.Sequential(pooling, second, second_relu, _everywhere(dense), nn.ReLU())
        self.head = head
        self.skip = _zero_score(10) if has_skip else None

    def kept(self) -> Iterator[nn.Parameter]:
        """The parameters that come from the classifier."""
        yield from self.fine.parameters()
        yield from self.coarse.parameters()

    def forward(self, images: Tensor) -> Tensor:
        fine = self.fine(images)
        scores = self.head(self.coarse(fine))
        return scores if self.skip is None else scores + self.skip(fine)


def transposed_head(channels: int = 20) -> nn.ConvTranspose2d:
    """One score for each pixel: each place of the maps writes its own 3 x 3 pixels."""
    return nn.ConvTranspose2d(channels, 1, _STRIDE, stride=_STRIDE)


def upsampling_head(channels: int = 20) -> nn.Sequential:
    """One score for each place of the maps, interpolated bilinearly in between."""
    return nn.Sequential(
        nn.Conv2d(channels, 1, 1),
        nn.Upsample(scale_factor=_STRIDE, mode="bilinear", align_corners=False),
    )


def _everywhere(dense: nn.Linear) -> nn.Conv2d:
    """A 1 x 1 convolution that does at every place what the dense layer does."""
    layer = nn.Conv2d(dense.in_features, dense.out_features, 1)
    with torch.no_grad():
        layer.weight.copy_(dense.weight[:, :, None, None])
        assert layer.bias is not None
        layer.bias.copy_(dense.bias)
    return layer


def _zero_score(channels: int) -> nn.Conv2d:
    layer = nn.Conv2d(channels, 1, 1)
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer
