"""Healthy trainings of autoencoders, plain and variational."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import SGD, Adam

from defib.datasets.bundled import digits
from defib.faults.tasks import DIGITS_AUTOENCODER, DIGITS_CONVOLUTIONAL, with_data
from defib.healthy.base import HealthyTraining, Live, of
from defib.healthy.loops import live, loader
from defib.healthy.networks import images_as_targets
from defib.networks.autoencoder import Autoencoder
from defib.networks.dense import dense_network
from defib.training.seeding import seed_everything

OF = partial(of, DIGITS_AUTOENCODER)


class Variational(nn.Module):
    """A variational autoencoder of digits; with `classes` the decoder is told the label."""

    def __init__(self, *, classes: int = 0) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 48), nn.ReLU())
        self.mean, self.log_variance = nn.Linear(48, 6), nn.Linear(48, 6)
        self.decoder = nn.Sequential(nn.Linear(6 + classes, 48), nn.ReLU(), nn.Linear(48, 64))
        self.classes = classes

    def forward(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features = self.encoder(images)
        mean, log_variance = self.mean(features), self.log_variance(features)
        code = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        if self.classes:
            code = torch.cat((code, F.one_hot(labels, self.classes)), dim=1)
        return self.decoder(code), mean, log_variance


def variational(seed: int, *, beta: float = 1.0, classes: int = 0) -> Live:
    """Reconstruction and `beta` times the distance to a normal distribution, summed."""
    seed_everything(seed)
    split = digits()
    model = Variational(classes=classes)

    def loss_of(images: Tensor, labels: Tensor) -> Tensor:
        logits, mean, log_variance = model(images, labels)
        loss = F.binary_cross_entropy_with_logits(logits, images.flatten(1), reduction="sum")
        distance = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum()
        return (loss + beta * distance) / len(images)

    return live(
        Adam(model.parameters(), lr=2e-3),
        loader(split, seed),
        loss_of,
        lambda: loss_of(split.validation_inputs, split.validation_targets),
    )


def denoising(seed: int) -> Live:
    """The clean image from one with noise and with pixels left out."""
    seed_everything(seed)
    split = digits()
    model = Autoencoder(code=24)

    def loss_of(images: Tensor, _: Tensor) -> Tensor:
        noisy = images * (torch.rand_like(images) > 0.2) + 0.2 * torch.randn_like(images)
        return F.mse_loss(model(noisy), images.flatten(1))

    return live(
        Adam(model.parameters(), lr=3e-3),
        loader(split, seed),
        loss_of,
        lambda: loss_of(split.validation_inputs, split.validation_targets),
    )


def sparse_code(seed: int) -> Live:
    """A code wider than the image of which few units answer: most are silent, as they should."""
    seed_everything(seed)
    split = digits()
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU())
    decoder = nn.Linear(128, 64)

    def loss_of(images: Tensor, _: Tensor) -> Tensor:
        code = encoder(images)
        return F.mse_loss(decoder(code), images.flatten(1)) + 2e-4 * code.sum(dim=1).mean()

    return live(
        Adam([*encoder.parameters(), *decoder.parameters()], lr=2e-3),
        loader(split, seed),
        loss_of,
        lambda: loss_of(split.validation_inputs, split.validation_targets),
    )


class TiedAutoencoder(nn.Module):
    """The decoder's weights are the encoder's, transposed."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(64, 24)
        self.bias = nn.Parameter(torch.zeros(64))

    def forward(self, images: Tensor) -> Tensor:
        code = torch.tanh(self.encoder(images.flatten(1)))
        return F.linear(code, self.encoder.weight.t(), self.bias)


def convolutional() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(12, 16, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(16, 12, 2, stride=2),
        nn.ReLU(),
        nn.ConvTranspose2d(12, 1, 2, stride=2),
    )


TRAININGS: Mapping[str, HealthyTraining] = {
    "autoencoder": OF(optimizer=partial(Adam, lr=2e-3)),
    "autoencoder-sigmoid": OF(
        network=lambda: nn.Sequential(
            dense_network((64, 32, 12)), dense_network((12, 32, 64)), nn.Sigmoid()
        ),
        loss_function=nn.BCELoss,
    ),
    "autoencoder-tied": OF(network=TiedAutoencoder, optimizer=partial(Adam, lr=5e-3)),
    "autoencoder-linear": OF(
        network=lambda: dense_network((64, 8, 64), nn.Identity),
        optimizer=partial(SGD, lr=0.5, momentum=0.9),
    ),
    "autoencoder-convolutional": of(
        with_data(DIGITS_CONVOLUTIONAL, images_as_targets),
        network=convolutional,
        loss_function=nn.MSELoss,
        optimizer=partial(Adam, lr=3e-3),
    ),
    "denoising": HealthyTraining(denoising),
    "sparse-code": HealthyTraining(sparse_code),
    "variational": HealthyTraining(variational),
    "variational-strict": HealthyTraining(partial(variational, beta=3.0)),
    "variational-conditional": HealthyTraining(partial(variational, classes=10)),
}
