"""FCN-32s, FCN-16s and FCN-8s in small: any number of poolings, no padding beyond the image."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from defib.networks.cropping import cropped
from defib.networks.fcn import bilinear_upsampling, stage_maps


class SmallFCN(nn.Module):
    """Scores of `classes` classes for each pixel of images whose sides 2^stages divides.

    As `FullyConvolutionalNetwork`, of which it has the coarse scores, the skips and the frozen
    bilinear upsamplings; with as many stages as `widths` has entries, and convolutions that keep
    the size, so that nothing has to be cut but the rim of each upsampling. With five stages and
    0, 1, 2 skips the last upsampling is by 32, 16, 8. The scores of the skips begin at 0, as in
    the authors' code: at first a network with skips says what one without says.
    """

    def __init__(
        self, widths: Sequence[int], classes: int, *, skips: int, channels: int = 1
    ) -> None:
        super().__init__()
        stages: list[nn.Module] = []
        for width in widths:
            stages.append(_stage(channels, width))
            channels = width
        self.stages = nn.ModuleList(stages)
        self.score = nn.Sequential(
            nn.Conv2d(channels, 2 * channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(2 * channels, classes, 1),
        )
        finer = tuple(reversed(widths[:-1]))[:skips]
        self.skips = nn.ModuleList(_zero_score(width, classes) for width in finer)
        if skips:
            self.doubling = bilinear_upsampling(classes, stride=2)
        self.stride = 2 ** (len(widths) - skips)
        self.upsampling = bilinear_upsampling(classes, stride=self.stride)

    def forward(self, images: Tensor) -> Tensor:
        maps = stage_maps(self.stages, images)
        scores = self.score(maps[-1])
        for skip, finer in zip(self.skips, reversed(maps[:-1]), strict=False):
            scores = cropped(self.doubling(scores), finer, top=1, left=1) + skip(finer)
        rim = self.stride // 2
        return cropped(self.upsampling(scores), images, top=rim, left=rim)


def _stage(channels: int, width: int) -> nn.Sequential:
    """A convolution and a pooling that halves the image."""
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )


def _zero_score(channels: int, classes: int) -> nn.Conv2d:
    layer = nn.Conv2d(channels, classes, 1)
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
