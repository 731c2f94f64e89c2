"""Healthy trainings of convolutional networks by their architecture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW

from defib.datasets.bundled import Split
from defib.faults.tasks import (
    DIGITS_CENTERS,
    DIGITS_CONVOLUTIONAL,
    SYMBOLS_RECURRENT,
    WAVES,
    with_data,
)
from defib.healthy.base import HealthyTraining, of
from defib.networks.residual import ResidualNetwork

IMAGES = partial(of, DIGITS_CONVOLUTIONAL)


def convolution(
    before: int, after: int, size: int = 3, *, stride: int = 1, groups: int = 1, dilation: int = 1
) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU; as large as its input unless strided."""
    return nn.Sequential(
        nn.Conv2d(
            before,
            after,
            size,
            stride=stride,
            padding=dilation * (size // 2),
            dilation=dilation,
            groups=groups,
            bias=False,
        ),
        nn.BatchNorm2d(after),
        nn.ReLU(),
    )


def pooled_head(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


def separable() -> nn.Module:
    """A convolution of each channel, then one across channels (Howard et al. 2017)."""
    return nn.Sequential(
        convolution(1, 16),
        convolution(16, 16, groups=16, stride=2),
        convolution(16, 32, 1),
        convolution(32, 32, groups=32),
        convolution(32, 32, 1),
        pooled_head(32),
    )


def dilated() -> nn.Module:
    return nn.Sequential(convolution(1, 12), convolution(12, 16, dilation=2), pooled_head(16))


def max_pooled() -> nn.Module:
    """Convolutions, pooling, dropout, dense layers: what every course begins with."""
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(12, 24, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(96, 48),
        nn.ReLU(),
        nn.Dropout(0.25),
        nn.Linear(48, 10),
    )


class SqueezeAndExcite(nn.Module):
    """Channels weighted by what all of them see (Hu et al. 2017)."""

    def __init__(self) -> None:
        super().__init__()
        self.features = convolution(1, 16)
        self.squeeze, self.excite = nn.Linear(16, 4), nn.Linear(4, 16)
        self.head = pooled_head(16)

    def forward(self, images: Tensor) -> Tensor:
        features = self.features(images)
        weights = torch.sigmoid(self.excite(F.relu(self.squeeze(features.mean(dim=(2, 3))))))
        return self.head(features * weights[:, :, None, None])


class DenselyConnected(nn.Module):
    """Each convolution sees the results of all before it (Huang et al. 2016)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(convolution(1 + 8 * number, 8) for number in range(4))
        self.head = pooled_head(33)

    def forward(self, images: Tensor) -> Tensor:
        features = images
        for layer in self.layers:
            features = torch.cat((features, layer(features)), dim=1)
        return self.head(features)


class Branched(nn.Module):
    """Windows of several sizes side by side (Szegedy et al. 2014)."""

    def __init__(self) -> None:
        super().__init__()
        self.branches = nn.ModuleList(convolution(1, 8, size) for size in (1, 3, 5))
        self.merge = convolution(24, 16, stride=2)
        self.head = pooled_head(16)

    def forward(self, images: Tensor) -> Tensor:
        features = torch.cat([branch(images) for branch in self.branches], dim=1)
        return self.head(self.merge(features))


class SmallUNet(nn.Module):
    """Down and up again, with a way past the narrow part: a mask for each image."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.inside = convolution(1, 8), convolution(8, 16, stride=2)
        self.up = nn.ConvTranspose2d(16, 8, 2, stride=2)
        self.after, self.mask = convolution(16, 8), nn.Conv2d(8, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        before = self.before(images)
        features = torch.cat((before, self.up(self.inside(before))), dim=1)
        return self.mask(self.after(features))


def masks_from_noise(split: Split) -> Split:
    """Where ink is, to be told from a noisy image."""
    generator = torch.Generator().manual_seed(0)

    def noisy(images: Tensor) -> Tensor:
        return images + 0.3 * torch.randn(images.shape, generator=generator)

    return Split(
        noisy(split.inputs),
        (split.inputs > 0.5).float(),
        noisy(split.validation_inputs),
        (split.validation_inputs > 0.5).float(),
    )


class OverSymbols(nn.Module):
    """Dilated convolutions over a sequence of symbols."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(8, 24)
        self.layers = nn.Sequential(
            nn.Conv1d(24, 24, 3, padding=1),
            nn.ReLU(),
            nn.Conv1d(24, 24, 3, padding=2, dilation=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(24 * 12, 8),
        )

    def forward(self, symbols: Tensor) -> Tensor:
        return self.layers(self.embedding(symbols).transpose(1, 2))


def over_waves() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(),
        nn.Unflatten(1, (1, 24)),
        nn.Conv1d(1, 16, 5),
        nn.ReLU(),
        nn.Conv1d(16, 16, 5),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(256, 1),
    )


TRAININGS: Mapping[str, HealthyTraining] = {
    "images-adam": IMAGES(optimizer=partial(Adam, lr=3e-3)),
    "images-linear": IMAGES(
        network=lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 10)),
        optimizer=partial(SGD, lr=0.5),
    ),
    "max-pooled": IMAGES(network=max_pooled, optimizer=partial(Adam, lr=2e-3)),
    "residual": IMAGES(network=ResidualNetwork, steps=250),
    "residual-adam": IMAGES(
        network=partial(ResidualNetwork, blocks=4), optimizer=partial(Adam, lr=2e-3), steps=200
    ),
    "residual-decay": IMAGES(
        network=ResidualNetwork,
        optimizer=partial(SGD, lr=0.1, momentum=0.9, weight_decay=1e-3),
        steps=250,
    ),
    "separable": IMAGES(network=separable, optimizer=partial(AdamW, lr=5e-3)),
    "dilated": IMAGES(network=dilated, optimizer=partial(Adam, lr=1e-2), steps=300),
    "squeeze-and-excite": IMAGES(network=SqueezeAndExcite, optimizer=partial(Adam, lr=1e-2)),
    "densely-connected": IMAGES(
        network=DenselyConnected, optimizer=partial(Adam, lr=5e-3), steps=250
    ),
    "branched": IMAGES(network=Branched, optimizer=partial(Adam, lr=5e-3), steps=250),
    "masks": of(
        with_data(DIGITS_CONVOLUTIONAL, masks_from_noise),
        network=SmallUNet,
        loss_function=nn.BCEWithLogitsLoss,
        optimizer=partial(Adam, lr=5e-3),
        steps=200,
    ),
    "centers-momentum": of(DIGITS_CENTERS, optimizer=partial(SGD, lr=0.02, momentum=0.9)),
    "centers-residual": of(
        DIGITS_CENTERS,
        network=partial(ResidualNetwork, classes=2),
        optimizer=partial(Adam, lr=5e-3),
        steps=250,
        max_ratio=0.9,
    ),
    "convolutions-over-symbols": of(
        replace(SYMBOLS_RECURRENT, network=OverSymbols), optimizer=partial(Adam, lr=3e-3)
    ),
    "convolutions-over-waves": of(WAVES, network=over_waves, optimizer=partial(Adam, lr=3e-3)),
}
