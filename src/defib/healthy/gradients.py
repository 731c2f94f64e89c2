"""Healthy trainings by what is done with the gradients: clipped, accumulated, scaled, in bf16."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import SGD, Adam
from torch.utils.checkpoint import checkpoint

from defib.datasets.bundled import digits
from defib.faults.tasks import (
    DIGITS_AUTOENCODER,
    DIGITS_CONVOLUTIONAL,
    DIGITS_DENSE,
    SYMBOLS_RECURRENT,
    SYMBOLS_TRANSFORMER,
    WAVES,
)
from defib.healthy.base import HealthyTraining, Live, no_gradient, of
from defib.healthy.loops import loader, wrong_share
from defib.healthy.steps import (
    Step,
    accumulated,
    by_hand,
    clipped,
    clipped_values,
    forward,
    half_precision,
    penalized,
    zeroed_last,
)
from defib.networks.dense import dense_network
from defib.training.seeding import seed_everything
from defib.training.setup import TrainingSetup

OF = partial(of, DIGITS_DENSE)
IMAGES = partial(of, DIGITS_CONVOLUTIONAL)


def scaled(seed: int) -> Live:
    """A gradient scaler, as for float16, which multiplies the loss."""
    seed_everything(seed)
    split = digits()
    model = dense_network((64, 64, 10))
    optimizer = Adam(model.parameters(), lr=2e-3)
    scaler = torch.amp.GradScaler("cpu", growth_interval=100)

    def train() -> None:
        for _ in range(9):
            for images, labels in loader(split, seed):
                optimizer.zero_grad()
                scaler.scale(F.cross_entropy(model(images), labels)).backward()
                scaler.step(optimizer)
                scaler.update()

    return Live(train, no_gradient(lambda: wrong_share(model, split)))


def accumulated_over_batches(seed: int) -> Live:
    """Four batches of 16, each loss divided by four, for one step."""
    seed_everything(seed)
    split = digits()
    model = dense_network((64, 64, 10))
    optimizer = Adam(model.parameters(), lr=3e-3)

    def train() -> None:
        for _ in range(14):
            batches = loader(split, seed, batch_size=16, drop_last=True)
            for number, (images, labels) in enumerate(batches, 1):
                (F.cross_entropy(model(images), labels) / 4).backward()
                if number % 4 == 0 or number == len(batches):
                    optimizer.step()
                    optimizer.zero_grad()

    return Live(train, no_gradient(lambda: wrong_share(model, split)))


def sharpness_aware(_: TrainingSetup) -> Step:
    """Two backward passes: the second where the loss is worst nearby (Foret et al. 2020)."""

    def step(setup: TrainingSetup, inputs: Tensor, targets: Tensor) -> Tensor:
        parameters = [each for each in setup.model.parameters() if each.requires_grad]
        loss = forward(setup, inputs, targets)
        gradients = torch.autograd.grad(loss, parameters)
        norm = torch.stack([each.norm() for each in gradients]).norm()
        move(parameters, gradients, 0.05 / norm)
        setup.optimizer.zero_grad()
        forward(setup, inputs, targets).backward()
        move(parameters, gradients, -0.05 / norm)
        setup.optimizer.step()
        return loss

    return step


def move(parameters: Sequence[Tensor], directions: Sequence[Tensor], size: Tensor) -> None:
    with torch.no_grad():
        for parameter, direction in zip(parameters, directions, strict=True):
            parameter += size * direction


def noisy(_: TrainingSetup) -> Step:
    """Noise on each gradient, less as time goes by (Neelakantan et al. 2015)."""
    taken = 0

    def step(setup: TrainingSetup, inputs: Tensor, targets: Tensor) -> Tensor:
        nonlocal taken
        setup.optimizer.zero_grad()
        loss = forward(setup, inputs, targets)
        loss.backward()
        taken += 1
        for each in setup.model.parameters():
            if each.grad is not None:
                each.grad += 0.02 * (1 + taken) ** -0.275 * torch.randn_like(each.grad)
        setup.optimizer.step()
        return loss

    return step


class Checkpointed(nn.Module):
    """A network whose inner activations are computed anew in the backward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU())
        self.inner = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU())
        self.head = nn.Linear(32, 10)

    def forward(self, images: Tensor) -> Tensor:
        inner = checkpoint(self.inner, self.stem(images), use_reentrant=False)
        assert isinstance(inner, Tensor)
        return self.head(inner)


TRAININGS: Mapping[str, HealthyTraining] = {
    "clipping": OF(clipped(1.0), optimizer=partial(SGD, lr=0.1, momentum=0.9)),
    "clipping-always-on": OF(clipped(0.1), optimizer=partial(SGD, lr=0.5, momentum=0.9)),
    "clipped-values": IMAGES(clipped_values(0.05), optimizer=partial(Adam, lr=3e-3)),
    "gru-clipped": of(SYMBOLS_RECURRENT, clipped(1.0), optimizer=partial(Adam, lr=1e-2)),
    "forecast-clipped": of(WAVES, clipped(0.5)),
    "accumulation": OF(accumulated, batch_size=64),
    "accumulation-images": IMAGES(accumulated, batch_size=64),
    "accumulation-over-batches": HealthyTraining(accumulated_over_batches),
    "zeroed-last": OF(zeroed_last),
    "l1-penalty": OF(penalized),
    "loss-by-hand": OF(by_hand),
    "sharpness-aware": OF(sharpness_aware, steps=300),
    "noisy-gradients": OF(noisy),
    "checkpointed": OF(network=Checkpointed),
    "half-precision": OF(half_precision),
    "half-precision-images": IMAGES(half_precision),
    "half-precision-transformer": of(SYMBOLS_TRANSFORMER, half_precision),
    "half-precision-autoencoder": of(DIGITS_AUTOENCODER, half_precision),
    "gradient-scaler": HealthyTraining(scaled),
}
