"""Two trainings whose batch is too small or too large for their gradient noise, with their twins.

Both sizes see as many examples; `harm` trains them to the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import SGD, AdamW
from torch.utils.data import DataLoader, TensorDataset

from defib.faults.tasks import standardized_breast_cancer
from defib.networks.dense import dense_network
from defib.training.seeding import seed_everything

FEATURES = 20


def noisy_regression(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Targets of which a tenth is a linear function of the inputs, and the rest noise."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(count, FEATURES, generator=generator)
    weights = (0.1 / FEATURES) ** 0.5 * torch.ones(FEATURES)
    noise = torch.randn(count, generator=generator)
    return inputs, (inputs @ weights + 0.9**0.5 * noise)[:, None]


@final
@dataclass(frozen=True)
class Sized:
    """A training as a function of its batch size, and its loss on other data."""

    rule: str
    broken_size: int
    healthy_size: int
    data: tuple[Tensor, Tensor]
    other_data: tuple[Tensor, Tensor]
    network: Callable[[], nn.Module]
    optimizer: Callable[..., Any]
    loss: Callable[[Tensor, Tensor], Tensor]
    epochs: int

    def train(self, size: int) -> nn.Module:
        model = self.network()
        optimizer = self.optimizer(model.parameters())
        loader = DataLoader(TensorDataset(*self.data), batch_size=size, shuffle=True)
        for _ in range(self.epochs):
            for inputs, targets in loader:
                optimizer.zero_grad()
                self.loss(model(inputs), targets).backward()
                optimizer.step()
        return model

    def loss_after(self, size: int, seed: int) -> float:
        seed_everything(seed)
        model = self.train(size)
        with torch.no_grad():
            return float(self.loss(model(self.other_data[0]), self.other_data[1]))


def too_small() -> Sized:
    """Steps of two noisy examples each, with the learning rate of batches of 32."""
    return Sized(
        "batch-size-too-small",
        2,
        32,
        noisy_regression(2000, 1),
        noisy_regression(2000, 2),
        lambda: nn.Linear(FEATURES, 1),
        partial(SGD, lr=0.05),
        F.mse_loss,
        epochs=5,
    )


def too_large() -> Sized:
    """All 455 tumours at once: an epoch is one step."""
    split = standardized_breast_cancer()
    return Sized(
        "batch-size-too-large",
        455,
        32,
        (split.inputs, split.targets),
        (split.validation_inputs, split.validation_targets),
        lambda: dense_network((30, 16, 1)),
        partial(AdamW, lr=2e-3),
        F.binary_cross_entropy_with_logits,
        epochs=20,
    )
