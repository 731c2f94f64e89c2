"""Healthy trainings by normalisation, of features and of inputs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW

from defib.datasets.bundled import breast_cancer
from defib.faults.tasks import (
    DIABETES,
    DIGITS_CONVOLUTIONAL,
    DIGITS_DENSE,
    TUMOURS,
    with_data,
    with_inputs,
)
from defib.healthy.base import HealthyTraining, of
from defib.healthy.networks import group_normalized, layer_normalized, weight_normalized
from defib.networks.dense import dense_network
from defib.networks.normalized import normalized_network

OF = partial(of, DIGITS_DENSE)
IMAGES = partial(of, DIGITS_CONVOLUTIONAL)


def batch_normalized() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, 48, bias=False),
        nn.BatchNorm1d(48),
        nn.ReLU(),
        nn.Linear(48, 48, bias=False),
        nn.BatchNorm1d(48),
        nn.ReLU(),
        nn.Linear(48, 10),
    )


def instance_normalized() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1),
        nn.InstanceNorm2d(12, affine=True),
        nn.ReLU(),
        nn.Conv2d(12, 16, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(256, 10),
    )


def root_mean_square_normalized() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 48), nn.RMSNorm(48), nn.SiLU(), nn.Linear(48, 10)
    )


def spectrally_normalized() -> nn.Module:
    norm = torch.nn.utils.parametrizations.spectral_norm
    return nn.Sequential(nn.Flatten(), norm(nn.Linear(64, 64)), nn.ReLU(), nn.Linear(64, 10))


class Scaled(nn.Module):
    """Scales raw images itself, by constants that belong to it."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.tensor(1 / 255))
        self.network = normalized_network()

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images * self.get_buffer("scale") - 0.3)


TRAININGS: Mapping[str, HealthyTraining] = {
    "batch-norm": IMAGES(network=normalized_network),
    "batch-norm-dense": OF(network=batch_normalized, optimizer=partial(SGD, lr=0.1, momentum=0.9)),
    "batch-norm-regression": of(
        DIABETES,
        network=lambda: nn.Sequential(
            nn.Linear(10, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Linear(24, 1)
        ),
        optimizer=partial(AdamW, lr=5e-3),
    ),
    "layer-norm": OF(network=layer_normalized),
    "group-norm": IMAGES(network=group_normalized, optimizer=partial(AdamW, lr=4e-3)),
    "instance-norm": IMAGES(network=instance_normalized, optimizer=partial(Adam, lr=3e-3)),
    "root-mean-square-norm": OF(network=root_mean_square_normalized),
    "weight-norm": OF(network=weight_normalized),
    "spectral-norm": OF(network=spectrally_normalized, steps=350),
    "raw-pixels-scaled-inside": of(
        with_inputs(DIGITS_CONVOLUTIONAL, lambda images: 255 * images), network=Scaled
    ),
    "raw-pixels-batch-norm": of(
        with_inputs(DIGITS_CONVOLUTIONAL, lambda images: 255 * images),
        network=lambda: nn.Sequential(nn.BatchNorm2d(1), normalized_network()),
    ),
    "raw-pixels-adam": of(
        with_inputs(DIGITS_DENSE, lambda images: 16 * images), optimizer=partial(Adam, lr=5e-4)
    ),
    "raw-features-batch-norm": of(
        with_data(TUMOURS, lambda _: breast_cancer()),
        network=lambda: nn.Sequential(nn.BatchNorm1d(30), dense_network((30, 16, 1))),
        optimizer=partial(AdamW, lr=5e-3),
    ),
    "standardized-images": of(
        with_inputs(DIGITS_CONVOLUTIONAL, lambda images: (images - 0.305) / 0.376),
        optimizer=partial(SGD, lr=0.03, momentum=0.9),
    ),
}
