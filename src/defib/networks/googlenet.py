"""GoogLeNet."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from defib.networks.inception import InceptionChannels, inception

# Table 1 of the paper: inception (3a) to (5b), between two poolings each.
STAGE_3 = (
    InceptionChannels(64, 96, 128, 16, 32, 32),
    InceptionChannels(128, 128, 192, 32, 96, 64),
)
STAGE_4 = (
    InceptionChannels(192, 96, 208, 16, 48, 64),
    InceptionChannels(160, 112, 224, 24, 64, 64),
    InceptionChannels(128, 128, 256, 24, 64, 64),
    InceptionChannels(112, 144, 288, 32, 64, 64),
    InceptionChannels(256, 160, 320, 32, 128, 128),
)
STAGE_5 = (
    InceptionChannels(256, 160, 320, 32, 128, 128),
    InceptionChannels(384, 192, 384, 48, 128, 128),
)


def googlenet(classes: int = 1000) -> nn.Sequential:
    """Scores of `classes` classes for 3 x 224 x 224 images: 6,998,552 parameters.

    Szegedy et al., "Going Deeper with Convolutions" (2015), arXiv:1409.4842, as it is used for
    prediction: without the auxiliary classifiers. Response normalisation and the rounding of
    the poolings are those of BVLC's Caffe model.
    """
    return nn.Sequential(
        nn.Conv2d(3, 64, 7, stride=2, padding=3),
        nn.ReLU(),
        _pooling(),
        nn.LocalResponseNorm(5),
        nn.Conv2d(64, 64, 1),
        nn.ReLU(),
        nn.Conv2d(64, 192, 3, padding=1),
        nn.ReLU(),
        nn.LocalResponseNorm(5),
        _pooling(),
        _stage(192, STAGE_3),
        _pooling(),
        _stage(STAGE_3[-1].total, STAGE_4),
        _pooling(),
        _stage(STAGE_4[-1].total, STAGE_5),
        nn.AvgPool2d(7, stride=1),
        nn.Flatten(),
        nn.Dropout(0.4),
        nn.Linear(STAGE_5[-1].total, classes),
    )


def _pooling() -> nn.MaxPool2d:
    return nn.MaxPool2d(3, stride=2, ceil_mode=True)


def _stage(channels: int, rows: Iterable[InceptionChannels]) -> nn.Sequential:
    modules: list[nn.Module] = []
    for row in rows:
        modules.append(inception(channels, row))
        channels = row.total
    return nn.Sequential(*modules)
