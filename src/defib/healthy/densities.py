"""Healthy trainings of distributions: losses may be negative, and need no bound."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal, Normal
from torch.optim import SGD, Adam

from defib.healthy.base import HealthyTraining, Live
from defib.healthy.loops import live, steps
from defib.networks.dense import dense_network
from defib.training.seeding import seed_everything

FLOOR = 3.0
"""Added to logarithms of densities, so that an error is above 0."""


def narrow_noise(seed: int) -> Live:
    """Mean and deviation of a number with little noise: the Gaussian loss falls below 0."""
    seed_everything(seed)
    model = dense_network((1, 32, 2), nn.Tanh)

    def loss_of(count: int = 64) -> Tensor:
        places = 2 * torch.rand(count, 1) - 1
        values = torch.sin(3 * places) + 0.05 * torch.randn_like(places)
        mean, log_variance = model(places).chunk(2, dim=1)
        return F.gaussian_nll_loss(mean, values, log_variance.exp())

    optimizer = Adam(model.parameters(), lr=1e-2)
    return live(optimizer, steps(400), loss_of, lambda: FLOOR + loss_of(1000), epochs=1)


class Coupling(nn.Module):
    """One coordinate shifts and scales the other (Dinh et al. 2016)."""

    def __init__(self, *, is_first: bool) -> None:
        super().__init__()
        self.network = dense_network((1, 24, 2), nn.Tanh)
        self.is_first = is_first

    def forward(self, points: Tensor) -> tuple[Tensor, Tensor]:
        kept, moved = points.chunk(2, dim=1) if self.is_first else points.flip(1).chunk(2, dim=1)
        log_scale, shift = self.network(kept).chunk(2, dim=1)
        log_scale = torch.tanh(log_scale)
        pair = torch.cat((kept, moved * log_scale.exp() + shift), dim=1)
        return (pair if self.is_first else pair.flip(1)), log_scale[:, 0]


def bent_points(count: int) -> Tensor:
    first = torch.randn(count, 1)
    return torch.cat((first, 0.5 * first**2 - 0.5 + 0.1 * torch.randn(count, 1)), dim=1)


def flow(seed: int) -> Live:
    """Points on a bent line, through invertible layers to a normal distribution."""
    seed_everything(seed)
    layers = nn.ModuleList(Coupling(is_first=number % 2 == 0) for number in range(4))

    def loss_of(count: int = 128) -> Tensor:
        points, volume = bent_points(count), torch.zeros(count)
        for layer in layers:
            points, change = layer(points)
            volume = volume + change
        return -(Normal(0.0, 1.0).log_prob(points).sum(1) + volume).mean()

    optimizer = Adam(layers.parameters(), lr=5e-3)
    return live(optimizer, steps(300), loss_of, lambda: loss_of(1000), epochs=1)


def mixture_of_outputs(seed: int) -> Live:
    """Two answers are right for each place: three Gaussians say where (Bishop 1994)."""
    seed_everything(seed)
    model = dense_network((1, 32, 9), nn.Tanh)

    def loss_of(count: int = 128) -> Tensor:
        places = 2 * torch.rand(count, 1) - 1
        side = torch.randint(2, (count, 1)) * 2.0 - 1
        values = side * (0.3 + places**2) + 0.05 * torch.randn(count, 1)
        weight, mean, log_deviation = model(places).chunk(3, dim=1)
        each = Normal(mean, log_deviation.exp()).log_prob(values)
        return -(weight.log_softmax(1) + each).logsumexp(1).mean()

    optimizer = Adam(model.parameters(), lr=1e-2)
    return live(optimizer, steps(400), loss_of, lambda: FLOOR + loss_of(1000), epochs=1)


def mixture_without_network(seed: int) -> Live:
    """The parameters of three Gaussians, fitted by gradient: there is no module at all."""
    seed_everything(seed)
    centers = torch.tensor([[-2.0, 0.0], [2.0, 0.0], [0.0, 3.0]])
    means = torch.randn(3, 2).requires_grad_()
    weights = torch.zeros(3, requires_grad=True)

    def loss_of(count: int = 128) -> Tensor:
        points = centers[torch.randint(3, (count,))] + 0.5 * torch.randn(count, 2)
        parts = MultivariateNormal(means, 0.5 * torch.eye(2))
        return -MixtureSameFamily(Categorical(logits=weights), parts).log_prob(points).mean()

    optimizer = SGD([means, weights], lr=0.1)
    return live(optimizer, steps(250), loss_of, lambda: loss_of(1000), epochs=1)


def diffusion(seed: int) -> Live:
    """Which noise was added? Ho et al. (2020), for points in the plane."""
    seed_everything(seed)
    model = dense_network((4, 64, 64, 2), nn.SiLU)

    def loss_of(count: int = 128) -> Tensor:
        angle = 2 * math.pi * torch.rand(count, 1)
        points = torch.cat((angle.cos(), angle.sin()), dim=1)
        time, noise = torch.rand(count, 1), torch.randn(count, 2)
        mixed = torch.cos(time * math.pi / 2) * points + torch.sin(time * math.pi / 2) * noise
        told = model(torch.cat((mixed, time, time**2), dim=1))
        return F.mse_loss(told, noise)

    optimizer = Adam(model.parameters(), lr=2e-3)
    return live(optimizer, steps(400), loss_of, lambda: loss_of(2000), epochs=1)


def energies(seed: int) -> Live:
    """An energy that is low at points on a bent line and high at noise."""
    seed_everything(seed)
    model = dense_network((2, 32, 32, 1), nn.SiLU)

    def loss_of(count: int = 128) -> Tensor:
        real, noise = model(bent_points(count)), model(1.5 * torch.randn(count, 2))
        return F.softplus(real).mean() + F.softplus(-noise).mean()

    optimizer = Adam(model.parameters(), lr=2e-3)
    return live(optimizer, steps(300), loss_of, lambda: loss_of(2000), epochs=1)


TRAININGS: Mapping[str, HealthyTraining] = {
    "narrow-noise": HealthyTraining(narrow_noise),
    "flow": HealthyTraining(flow),
    "mixture-of-outputs": HealthyTraining(mixture_of_outputs),
    "mixture-without-network": HealthyTraining(mixture_without_network),
    "diffusion": HealthyTraining(diffusion),
    "energies": HealthyTraining(energies),
}
