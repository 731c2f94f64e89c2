"""Healthy trainings by learning-rate schedule."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch.nn.functional as F
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import (
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)

from defib.datasets.bundled import digits
from defib.faults.tasks import (
    DIGITS_CONVOLUTIONAL,
    DIGITS_DENSE,
    SYMBOLS_TRANSFORMER,
    WAVES,
)
from defib.healthy.base import HealthyTraining, Live, no_gradient, of
from defib.healthy.loops import loader, mean_loss, wrong_share
from defib.healthy.steps import scheduled, warm_up
from defib.networks.dense import dense_network
from defib.networks.residual import ResidualNetwork
from defib.training.seeding import seed_everything

OF = partial(of, DIGITS_DENSE)
IMAGES = partial(of, DIGITS_CONVOLUTIONAL)


def warm_up_then_cosine(optimizer: Optimizer) -> LRScheduler:
    rise, fall = LinearLR(optimizer, 0.01, total_iters=50), CosineAnnealingLR(optimizer, 250)
    return SequentialLR(optimizer, [rise, fall], milestones=[50])


def inverse_square_root(optimizer: Optimizer) -> LRScheduler:
    """Vaswani et al., Attention Is All You Need (2017), 5.3."""
    return LambdaLR(
        optimizer, lambda step: min(((step + 1) / 40) ** -0.5, (step + 1) * 40**-1.5 * 40**0.5)
    )


def epochs(seed: int, count: int = 12) -> Live:
    """The loop of a tutorial: epochs, and evaluations on training and on validation data."""
    seed_everything(seed)
    split = digits()
    model = dense_network((64, 64, 10))
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    schedule = StepLR(optimizer, 5, 0.3)
    batches = loader(split, seed)

    def train() -> None:
        for _ in range(count):
            model.train()
            for images, labels in batches:
                loss = F.cross_entropy(model(images), labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            schedule.step()
            mean_loss(model, split.inputs, split.targets)
            mean_loss(model, split.validation_inputs, split.validation_targets)

    return Live(train, no_gradient(lambda: wrong_share(model, split)))


def on_plateau(seed: int) -> Live:
    """The learning rate falls where the validation loss does not."""
    seed_everything(seed)
    split = digits()
    model = dense_network((64, 64, 10))
    optimizer = Adam(model.parameters(), lr=5e-3)
    schedule = ReduceLROnPlateau(optimizer, factor=0.3, patience=1)
    batches = loader(split, seed)

    def train() -> None:
        for _ in range(12):
            for images, labels in batches:
                optimizer.zero_grad()
                F.cross_entropy(model(images), labels).backward()
                optimizer.step()
            schedule.step(mean_loss(model, split.validation_inputs, split.validation_targets))

    return Live(train, no_gradient(lambda: wrong_share(model, split)))


TRAININGS: Mapping[str, HealthyTraining] = {
    "warm-up": OF(scheduled(warm_up), optimizer=partial(Adam, lr=4e-3)),
    "cosine": OF(
        scheduled(lambda each: CosineAnnealingLR(each, 400)), optimizer=partial(Adam, lr=5e-3)
    ),
    "cosine-restarts": OF(
        scheduled(lambda each: CosineAnnealingWarmRestarts(each, 100)),
        optimizer=partial(Adam, lr=4e-3),
    ),
    "one-cycle": OF(
        scheduled(lambda each: OneCycleLR(each, max_lr=0.2, total_steps=401)),
        optimizer=partial(SGD, lr=0.01, momentum=0.9),
    ),
    "cyclic": OF(
        scheduled(lambda each: CyclicLR(each, 0.01, 0.1, step_size_up=60)),
        optimizer=partial(SGD, lr=0.01, momentum=0.9),
    ),
    "step-decay": IMAGES(scheduled(lambda each: StepLR(each, 150, 0.1))),
    "steps-at-milestones": IMAGES(
        scheduled(lambda each: MultiStepLR(each, [200, 300], 0.2)),
        optimizer=partial(Adam, lr=3e-3),
    ),
    "exponential-decay": OF(
        scheduled(lambda each: ExponentialLR(each, 0.99)), optimizer=partial(Adam, lr=6e-3)
    ),
    "linear-to-zero": of(
        SYMBOLS_TRANSFORMER,
        scheduled(lambda each: LinearLR(each, 1.0, 0.0, total_iters=250)),
        optimizer=partial(AdamW, lr=3e-3),
    ),
    "polynomial-decay": of(
        WAVES, scheduled(lambda each: PolynomialLR(each, 251, power=2)), steps=250
    ),
    "constant-then-full": OF(
        scheduled(lambda each: ConstantLR(each, 0.1, total_iters=40)),
        optimizer=partial(SGD, lr=0.1, momentum=0.9),
    ),
    "inverse-square-root": of(
        SYMBOLS_TRANSFORMER,
        scheduled(inverse_square_root),
        optimizer=partial(AdamW, lr=4e-3),
        steps=300,
    ),
    "warm-up-then-cosine": IMAGES(
        scheduled(warm_up_then_cosine),
        network=ResidualNetwork,
        optimizer=partial(SGD, lr=0.1, momentum=0.9, weight_decay=5e-4),
        steps=300,
    ),
    "residual-cosine": IMAGES(
        scheduled(lambda each: CosineAnnealingLR(each, 250)),
        network=ResidualNetwork,
        optimizer=partial(AdamW, lr=5e-3),
        steps=250,
    ),
    "epochs": HealthyTraining(epochs),
    "on-plateau": HealthyTraining(on_plateau),
}
