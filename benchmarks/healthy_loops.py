"""Healthy trainings with a loop of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from healthy_networks import (
    rare_malignant,
)
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

from defib.datasets.bundled import Split, digits
from defib.faults.tasks import (
    DIGITS_CONVOLUTIONAL,
    set_up,
    standardized_breast_cancer,
    with_data,
)
from defib.networks.convolutional import ConvolutionalNetwork
from defib.networks.dense import dense_network
from defib.training.loop import train
from defib.training.seeding import seed_everything


@cache
def trained_convolutional(seed: int) -> dict[str, Tensor]:
    """Weights of a convolutional network trained on the digits 0 to 4."""
    setup = set_up(with_data(DIGITS_CONVOLUTIONAL, lambda split: some(split, range(5))), seed)
    train(setup)
    return deepcopy(setup.model.state_dict())


@cache
def trained_on_all(seed: int) -> dict[str, Tensor]:
    setup = set_up(DIGITS_CONVOLUTIONAL, seed)
    train(setup)
    return deepcopy(setup.model.state_dict())


def some(split: Split, labels: Iterable[int]) -> Split:
    wanted = torch.tensor(list(labels))
    kept = torch.isin(split.targets, wanted)
    held_out = torch.isin(split.validation_targets, wanted)
    return Split(
        split.inputs[kept],
        split.targets[kept],
        split.validation_inputs[held_out],
        split.validation_targets[held_out],
    )


def train_head(seed: int) -> None:
    """A frozen backbone from other digits, and a new head for the digits 5 to 9."""
    seed_everything(seed)
    split = some(digits(), range(5, 10))
    model = ConvolutionalNetwork()
    model.load_state_dict(trained_convolutional(seed))
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    model.head = nn.Linear(32, 5)
    optimizer = Adam(model.head.parameters(), lr=1e-2)
    loader = loader_of(split.inputs, split.targets - 5, seed)
    for _ in range(10):
        for images, labels in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(images), labels).backward()
            optimizer.step()
        with torch.no_grad():
            F.cross_entropy(model(split.validation_inputs), split.validation_targets - 5)


def continue_training(seed: int, optimizer_of: Callable[..., Optimizer], epochs: int = 6) -> None:
    """From trained weights on; evaluates on training and on validation data by one function."""
    seed_everything(seed)
    split = digits()
    model = ConvolutionalNetwork()
    model.load_state_dict(trained_on_all(seed))
    optimizer = optimizer_of(model.parameters())
    loader = loader_of(split.inputs, split.targets, seed)
    for _ in range(epochs):
        model.train()
        for images, labels in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(images), labels).backward()
            optimizer.step()
        evaluate(model, split.inputs, split.targets)
        evaluate(model, split.validation_inputs, split.validation_targets)


def train_epochs(seed: int, epochs: int = 12) -> None:
    """The loop of a tutorial: epochs, and evaluations on training and on validation data."""
    seed_everything(seed)
    split = digits()
    model = dense_network((64, 64, 10))
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    schedule = StepLR(optimizer, 5, 0.3)
    loader = loader_of(split.inputs, split.targets, seed)
    for _ in range(epochs):
        model.train()
        for images, labels in loader:
            loss = F.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
        evaluate(model, split.inputs, split.targets)
        evaluate(model, split.validation_inputs, split.validation_targets)


def evaluate(model: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    model.eval()
    with torch.no_grad():
        losses = [
            F.cross_entropy(model(some_inputs), some_targets)
            for some_inputs, some_targets in zip(inputs.split(256), targets.split(256), strict=True)
        ]
    model.train()
    return float(torch.stack(losses).mean())


def loader_of(inputs: Tensor, targets: Tensor, seed: int, **more: Any) -> DataLoader:
    generator = torch.Generator().manual_seed(seed)
    arguments: dict[str, Any] = {"batch_size": 32, "shuffle": True} | more
    return DataLoader(TensorDataset(inputs, targets), generator=generator, **arguments)


def train_adversarially(seed: int) -> None:
    """A GAN for points on a ring."""
    seed_everything(seed)
    generator, critic = dense_network((4, 32, 32, 2)), dense_network((2, 32, 32, 1))
    generator_optimizer = Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.999))
    critic_optimizer = Adam(critic.parameters(), lr=1e-3, betas=(0.5, 0.999))
    ones, zeros = torch.ones(64, 1), torch.zeros(64, 1)
    for _ in range(300):
        angle = 6.2832 * torch.rand(64)
        real = torch.stack((angle.cos(), angle.sin()), dim=1) + 0.02 * torch.randn(64, 2)
        fake = generator(torch.randn(64, 4))
        critic_optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(critic(real), ones)
        loss = loss + F.binary_cross_entropy_with_logits(critic(fake.detach()), zeros)
        loss.backward()
        critic_optimizer.step()
        generator_optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(critic(fake), ones).backward()
        generator_optimizer.step()


class Variational(nn.Module):
    """A variational autoencoder of digits."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 48), nn.ReLU())
        self.mean, self.log_variance = nn.Linear(48, 6), nn.Linear(48, 6)
        self.decoder = nn.Sequential(nn.Linear(6, 48), nn.ReLU(), nn.Linear(48, 64))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features = self.encoder(images)
        mean, log_variance = self.mean(features), self.log_variance(features)
        code = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        return self.decoder(code), mean, log_variance


def train_variational(seed: int) -> None:
    seed_everything(seed)
    split = digits()
    model = Variational()
    optimizer = Adam(model.parameters(), lr=2e-3)
    for _ in range(9):
        for images, _ in loader_of(split.inputs, split.targets, seed):
            optimizer.zero_grad()
            logits, mean, log_variance = model(images)
            loss = F.binary_cross_entropy_with_logits(logits, images.flatten(1), reduction="sum")
            loss = loss - 0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum()
            (loss / len(images)).backward()
            optimizer.step()


def distil(seed: int) -> None:
    """A small network learns the probabilities of a trained one."""
    seed_everything(seed)
    split = digits()
    teacher = ConvolutionalNetwork()
    teacher.load_state_dict(trained_on_all(seed))
    student = dense_network((64, 32, 10))
    optimizer = Adam(student.parameters(), lr=3e-3)
    for _ in range(9):
        for images, labels in loader_of(split.inputs, split.targets, seed):
            with torch.no_grad():
                wanted = F.softmax(teacher(images) / 2, dim=1)
            optimizer.zero_grad()
            output = student(images)
            loss = F.kl_div(F.log_softmax(output / 2, dim=1), wanted, reduction="batchmean") * 4
            (0.7 * loss + 0.3 * F.cross_entropy(output, labels)).backward()
            optimizer.step()


def train_two_optimizers(seed: int) -> None:
    """One backward pass, and an optimiser for each half of the network."""
    seed_everything(seed)
    split = digits()
    model = ConvolutionalNetwork()
    late = {*model.hidden.parameters(), *model.head.parameters()}
    first = SGD([each for each in model.parameters() if each not in late], lr=0.05, momentum=0.9)
    second = Adam(late, lr=2e-3)
    for _ in range(8):
        for images, labels in loader_of(split.inputs, split.targets, seed):
            first.zero_grad()
            second.zero_grad()
            F.cross_entropy(model(images), labels).backward()
            first.step()
            second.step()


def train_tasks(seed: int) -> None:
    """One body, two heads: which digit, and how dark."""
    seed_everything(seed)
    split = digits()
    body = nn.Sequential(nn.Flatten(), nn.Linear(64, 48), nn.ReLU())
    heads = nn.ModuleList((nn.Linear(48, 10), nn.Linear(48, 1)))
    model = nn.ModuleDict({"body": body, "heads": heads})
    optimizer = AdamW(model.parameters(), lr=3e-3)
    for _ in range(9):
        for images, labels in loader_of(split.inputs, split.targets, seed):
            features = body(images)
            darkness = images.mean(dim=(1, 2, 3)).unsqueeze(1)
            loss = F.cross_entropy(heads[0](features), labels)
            loss = loss + 5 * F.mse_loss(heads[1](features), darkness)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def train_averaged(seed: int) -> None:
    """An exponential moving average of the weights is evaluated."""
    seed_everything(seed)
    split = digits()
    model = dense_network((64, 64, 10))
    average = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.98)
    )
    optimizer = AdamW(model.parameters(), lr=3e-3)
    for _ in range(9):
        for images, labels in loader_of(split.inputs, split.targets, seed):
            optimizer.zero_grad()
            F.cross_entropy(model(images), labels).backward()
            optimizer.step()
            average.update_parameters(model)
        evaluate(average, split.validation_inputs, split.validation_targets)


def train_weighted(seed: int) -> None:
    """Rare classes drawn more often."""
    seed_everything(seed)
    split = rare_malignant(standardized_breast_cancer())
    share = split.targets[:, 0].mean()
    weights = torch.where(split.targets[:, 0] == 1, 1 - share, share)
    sampler = WeightedRandomSampler(
        weights.tolist(), len(weights), generator=torch.Generator().manual_seed(seed)
    )
    model = dense_network((30, 16, 16, 1))
    optimizer = AdamW(model.parameters(), lr=5e-3)
    for _ in range(25):
        for rows, labels in loader_of(
            split.inputs, split.targets, seed, shuffle=False, sampler=sampler
        ):
            optimizer.zero_grad()
            F.binary_cross_entropy_with_logits(model(rows), labels).backward()
            optimizer.step()


def train_few_classes_per_batch(seed: int) -> None:
    """Batches of three classes with eight examples each, as metric learning draws them."""
    seed_everything(seed)
    split = digits()
    generator = torch.Generator().manual_seed(seed)
    members = [(split.targets == label).nonzero()[:, 0] for label in range(10)]
    model = dense_network((64, 64, 32, 10))
    optimizer = Adam(model.parameters(), lr=2e-3)
    for _ in range(400):
        classes = torch.randperm(10, generator=generator)[:3].tolist()
        rows = torch.cat(
            [members[c][torch.randperm(len(members[c]), generator=generator)[:8]] for c in classes]
        )
        optimizer.zero_grad()
        F.cross_entropy(model(split.inputs[rows]), split.targets[rows]).backward()
        optimizer.step()


def train_by_policy_gradient(seed: int) -> None:
    """A bandit with context: the loss is no measure of progress."""
    seed_everything(seed)
    split = digits()
    model = dense_network((64, 32, 10))
    optimizer = Adam(model.parameters(), lr=3e-3)
    for _ in range(9):
        for images, labels in loader_of(split.inputs, split.targets, seed):
            chances = torch.distributions.Categorical(logits=model(images))
            actions = chances.sample()
            reward = (actions == labels).float()
            loss = -(chances.log_prob(actions) * (reward - reward.mean())).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def train_scaled(seed: int) -> None:
    """A gradient scaler, as for float16, which multiplies the loss."""
    seed_everything(seed)
    split = digits()
    model = dense_network((64, 64, 10))
    optimizer = Adam(model.parameters(), lr=2e-3)
    scaler = torch.amp.GradScaler("cpu", growth_interval=100)
    for _ in range(9):
        for images, labels in loader_of(split.inputs, split.targets, seed):
            optimizer.zero_grad()
            scaler.scale(F.cross_entropy(model(images), labels)).backward()
            scaler.step(optimizer)
            scaler.update()
