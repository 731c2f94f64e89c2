"""Healthy trainings in which two networks work against each other: no loss needs to fall."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Adam, Optimizer, RMSprop

from defib.datasets.bundled import digits
from defib.healthy.base import HealthyTraining, Live, no_gradient
from defib.healthy.loops import live, loader, wrong_share
from defib.networks.convolutional import ConvolutionalNetwork
from defib.networks.dense import dense_network
from defib.training.seeding import seed_everything

gentle_adam = partial(Adam, lr=1e-3, betas=(0.5, 0.999))


@final
@dataclass(frozen=True)
class Game:
    """The losses of the two players, from the critic's scores."""

    of_critic: Callable[[Tensor, Tensor], Tensor]
    of_generator: Callable[[Tensor], Tensor]
    optimizer: Callable[..., Optimizer] = gentle_adam
    after_step: Callable[[nn.Module], None] = lambda _: None


def cloud(count: int) -> Tensor:
    """Points around (1.5, -1), twice as far along one diagonal as along the other."""
    along, across = torch.randn(2, count)
    return torch.stack((1.5 + 0.6 * along + 0.3 * across, -1 + 0.6 * along - 0.3 * across), dim=1)


def distance(first: Tensor, second: Tensor) -> Tensor:
    """Sliced Wasserstein distance of two clouds of as many points."""
    directions = F.normalize(torch.randn(2, 32), dim=0)
    gaps = (first @ directions).sort(dim=0).values - (second @ directions).sort(dim=0).values
    return gaps.abs().mean()


def play(seed: int, game: Game, *, steps: int = 300) -> Live:
    """A generator of points in a cloud and its critic, by turns."""
    seed_everything(seed)
    generator, critic = dense_network((4, 32, 32, 2)), dense_network((2, 32, 32, 1))
    generator_optimizer = game.optimizer(generator.parameters())
    critic_optimizer = game.optimizer(critic.parameters())

    def train() -> None:
        for _ in range(steps):
            real, fake = cloud(64), generator(torch.randn(64, 4))
            critic_optimizer.zero_grad()
            game.of_critic(critic(real), critic(fake.detach())).backward()
            critic_optimizer.step()
            game.after_step(critic)
            generator_optimizer.zero_grad()
            game.of_generator(critic(fake)).backward()
            generator_optimizer.step()

    return Live(train, no_gradient(lambda: distance(generator(torch.randn(500, 4)), cloud(500))))


def original_critic(real: Tensor, fake: Tensor) -> Tensor:
    loss = F.binary_cross_entropy_with_logits(real, torch.ones_like(real))
    return loss + F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))


ORIGINAL = Game(
    original_critic,
    lambda fake: F.binary_cross_entropy_with_logits(fake, torch.ones_like(fake)),
)
LEAST_SQUARES = Game(
    lambda real, fake: ((real - 1) ** 2).mean() + (fake**2).mean(),
    lambda fake: ((fake - 1) ** 2).mean(),
)


def clip_weights(critic: nn.Module) -> None:
    with torch.no_grad():
        for each in critic.parameters():
            each.clamp_(-0.15, 0.15)


WASSERSTEIN = Game(
    lambda real, fake: fake.mean() - real.mean(),
    lambda fake: -fake.mean(),
    optimizer=partial(RMSprop, lr=1e-3),
    after_step=clip_weights,
)
"""Arjovsky et al. (2017): the losses are below 0, and near it at the end."""


class Reversed(torch.autograd.Function):
    """What it is given; backwards, the negative gradient."""

    @staticmethod
    def forward(context: object, features: Tensor) -> Tensor:  # pyright: ignore
        del context
        return features.view_as(features)

    @staticmethod
    def backward(context: object, gradient: Tensor) -> Tensor:  # pyright: ignore
        del context
        return -0.3 * gradient


def domain_adversarial(seed: int) -> Live:
    """Features that do not tell whether an image was inverted (Ganin et al. 2015)."""
    seed_everything(seed)
    split = digits()
    body = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU())
    label_head, domain_head = nn.Linear(64, 10), dense_network((64, 16, 2))
    model = nn.ModuleList((body, label_head, domain_head))

    def loss_of(images: Tensor, labels: Tensor) -> Tensor:
        features = body(torch.cat((images, 1 - images)))
        domains = torch.arange(2).repeat_interleave(len(images))
        hidden = Reversed.apply(features)
        assert isinstance(hidden, Tensor)
        told = F.cross_entropy(domain_head(hidden), domains)
        return F.cross_entropy(label_head(features[: len(images)]), labels) + told

    return live(
        Adam(model.parameters(), lr=2e-3),
        loader(split, seed),
        loss_of,
        lambda: wrong_share(lambda images: label_head(body(images)), split),
    )


def attacked(seed: int) -> Live:
    """Trained on images that were changed to deceive the network (Goodfellow et al. 2014)."""
    seed_everything(seed)
    split = digits()
    model = ConvolutionalNetwork()

    def loss_of(images: Tensor, labels: Tensor) -> Tensor:
        images = images.clone().requires_grad_()
        [gradient] = torch.autograd.grad(F.cross_entropy(model(images), labels), images)
        changed = (images + 0.1 * gradient.sign()).detach()
        return F.cross_entropy(model(changed), labels)

    return live(
        Adam(model.parameters(), lr=3e-3),
        loader(split, seed),
        loss_of,
        lambda: wrong_share(model, split),
    )


TRAININGS: Mapping[str, HealthyTraining] = {
    "adversarial": HealthyTraining(partial(play, game=ORIGINAL)),
    "adversarial-least-squares": HealthyTraining(partial(play, game=LEAST_SQUARES)),
    "adversarial-wasserstein": HealthyTraining(partial(play, game=WASSERSTEIN)),
    "domain-adversarial": HealthyTraining(domain_adversarial),
    "attacked": HealthyTraining(attacked),
}
