"""Healthy trainings that begin with trained weights, or with parts that stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from functools import cache, partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from defib.datasets.bundled import Split, digits
from defib.faults.tasks import DIGITS_CONVOLUTIONAL, DIGITS_DENSE, set_up, with_data
from defib.healthy.base import HealthyTraining, Live, no_gradient, of
from defib.healthy.loops import live, loader, mean_loss, wrong_share
from defib.networks.convolutional import ConvolutionalNetwork
from defib.networks.dense import dense_network
from defib.networks.normalized import normalized_network
from defib.training.loop import train
from defib.training.seeding import seed_everything


@cache
def trained_on_low(seed: int) -> dict[str, Tensor]:
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


def high_digits() -> Split:
    """The digits 5 to 9, numbered from 0."""
    split = some(digits(), range(5, 10))
    return Split(
        split.inputs, split.targets - 5, split.validation_inputs, split.validation_targets - 5
    )


def pretrained(weights: dict[str, Tensor]) -> ConvolutionalNetwork:
    model = ConvolutionalNetwork()
    model.load_state_dict(weights)
    return model


def frozen_backbone(seed: int, *, is_given_all: bool = False) -> Live:
    """A frozen backbone from other digits, and a new head for the digits 5 to 9.

    With `is_given_all` the optimiser gets every parameter, those of the backbone included.
    """
    seed_everything(seed)
    split = high_digits()
    model = pretrained(trained_on_low(seed)).requires_grad_(requires_grad=False)
    model.head = nn.Linear(32, 5)
    given = model.parameters() if is_given_all else model.head.parameters()
    optimizer = Adam(given, lr=1e-2)
    batches = loader(split, seed)

    def train() -> None:
        for _ in range(10):
            for images, labels in batches:
                optimizer.zero_grad()
                F.cross_entropy(model(images), labels).backward()
                optimizer.step()
            mean_loss(model, split.validation_inputs, split.validation_targets)

    return Live(train, no_gradient(lambda: wrong_share(model, split)))


def features_computed_once(seed: int) -> Live:
    """The frozen backbone runs once, without a graph; only a head is trained."""
    seed_everything(seed)
    split = high_digits()
    body = pretrained(trained_on_low(seed))
    body.head = nn.Identity()  # pyright: ignore[reportAttributeAccessIssue]
    with torch.no_grad():
        features = Split(
            body(split.inputs),
            split.targets,
            body(split.validation_inputs),
            split.validation_targets,
        )
    head = nn.Linear(32, 5)
    return live(
        Adam(head.parameters(), lr=1e-2),
        loader(features, seed),
        lambda rows, labels: F.cross_entropy(head(rows), labels),
        lambda: wrong_share(head, features),
        epochs=10,
    )


def gradually_thawed(seed: int) -> Live:
    """The head alone, then all layers at a tenth of its learning rate."""
    seed_everything(seed)
    split = high_digits()
    model = pretrained(trained_on_low(seed))
    model.head = nn.Linear(32, 5)
    body = [each for each in model.parameters() if each not in {*model.head.parameters()}]
    optimizer = Adam(model.head.parameters(), lr=5e-3)

    def train() -> None:
        for epoch in range(10):
            if epoch == 5:
                optimizer.add_param_group({"params": body, "lr": 5e-4})
            for images, labels in loader(split, seed):
                model.zero_grad()
                F.cross_entropy(model(images), labels).backward()
                optimizer.step()

    return Live(train, no_gradient(lambda: wrong_share(model, split)))


class LowRank(nn.Module):
    """A frozen layer and a learnt correction of low rank, zero at first (Hu et al. 2021)."""

    def __init__(self, layer: nn.Linear, rank: int = 4) -> None:
        super().__init__()
        self.layer = layer.requires_grad_(requires_grad=False)
        self.down = nn.Linear(layer.in_features, rank, bias=False)
        self.up = nn.Linear(rank, layer.out_features, bias=False)
        nn.init.zeros_(self.up.weight)

    def forward(self, features: Tensor) -> Tensor:
        return self.layer(features) + self.up(self.down(features))


def low_rank(seed: int) -> Live:
    """An adapter on a dense layer of a network that was trained on other digits, a new head."""
    seed_everything(seed)
    split = high_digits()
    model = pretrained(trained_on_low(seed)).requires_grad_(requires_grad=False)
    model.hidden = LowRank(model.hidden)  # pyright: ignore[reportAttributeAccessIssue]
    model.head = nn.Linear(32, 5)
    learnt = [each for each in model.parameters() if each.requires_grad]
    return live(
        AdamW(learnt, lr=1e-2),
        loader(split, seed),
        lambda images, labels: F.cross_entropy(model(images), labels),
        lambda: wrong_share(model, split),
        epochs=10,
    )


def continued(seed: int, optimizer_of: Callable[..., Optimizer], epochs: int = 6) -> Live:
    """From trained weights on; evaluates on training and on validation data by one function."""
    seed_everything(seed)
    split = digits()
    model = pretrained(trained_on_all(seed))
    optimizer = optimizer_of(model.parameters())
    batches = loader(split, seed)

    def train() -> None:
        for _ in range(epochs):
            model.train()
            for images, labels in batches:
                optimizer.zero_grad()
                F.cross_entropy(model(images), labels).backward()
                optimizer.step()
            mean_loss(model, split.inputs, split.targets)
            mean_loss(model, split.validation_inputs, split.validation_targets)

    return Live(train, lambda: mean_loss(model, split.inputs, split.targets))


def distilled(seed: int) -> Live:
    """A small network learns the probabilities of a trained one."""
    seed_everything(seed)
    split = digits()
    teacher, student = pretrained(trained_on_all(seed)), dense_network((64, 32, 10))

    def loss_of(images: Tensor, labels: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = F.softmax(teacher(images) / 2, dim=1)
        output = student(images)
        loss = F.kl_div(F.log_softmax(output / 2, dim=1), wanted, reduction="batchmean") * 4
        return 0.7 * loss + 0.3 * F.cross_entropy(output, labels)

    optimizer = Adam(student.parameters(), lr=3e-3)
    return live(optimizer, loader(split, seed), loss_of, lambda: wrong_share(student, split))


def two_tasks(seed: int) -> Live:
    """One body, two heads: which digit, and how dark."""
    seed_everything(seed)
    split = digits()
    body = nn.Sequential(nn.Flatten(), nn.Linear(64, 48), nn.ReLU())
    label, shade = nn.Linear(48, 10), nn.Linear(48, 1)
    model = nn.ModuleDict({"body": body, "label": label, "shade": shade})

    def loss_of(images: Tensor, labels: Tensor) -> Tensor:
        features = body(images)
        darkness = images.mean(dim=(1, 2, 3)).unsqueeze(1)
        loss = F.cross_entropy(label(features), labels)
        return loss + 5 * F.mse_loss(shade(features), darkness)

    return live(
        AdamW(model.parameters(), lr=3e-3),
        loader(split, seed),
        loss_of,
        lambda: wrong_share(lambda images: label(body(images)), split),
    )


def random_features() -> nn.Module:
    """A wide random layer that is meant to stay, and a learnt one (Rahimi & Recht 2007)."""
    network = dense_network((64, 512, 10))
    network[1].requires_grad_(requires_grad=False)
    return network


def frozen_statistics() -> nn.Module:
    """Batch normalisation whose scale and shift stay at 1 and 0."""
    network = normalized_network()
    for module in network:
        if isinstance(module, nn.BatchNorm2d):
            module.requires_grad_(requires_grad=False)
    return network


LOW, ALL = trained_on_low, trained_on_all

TRAININGS: Mapping[str, HealthyTraining] = {
    "frozen-backbone": HealthyTraining(frozen_backbone, LOW),
    "frozen-backbone-given": HealthyTraining(partial(frozen_backbone, is_given_all=True), LOW),
    "features-computed-once": HealthyTraining(features_computed_once, LOW),
    "gradually-thawed": HealthyTraining(gradually_thawed, LOW),
    "low-rank": HealthyTraining(low_rank, LOW),
    # What is left to learn is little, and a small learning rate does not learn all of it.
    "fine-tuning": HealthyTraining(
        partial(continued, optimizer_of=partial(AdamW, lr=1e-5)), ALL, max_ratio=0.99
    ),
    "fine-tuning-momentum": HealthyTraining(
        partial(continued, optimizer_of=partial(SGD, lr=1e-3, momentum=0.9)), ALL, max_ratio=0.95
    ),
    "resumed": HealthyTraining(
        partial(continued, optimizer_of=partial(SGD, lr=0.02, momentum=0.9)), ALL
    ),
    "distillation": HealthyTraining(distilled, ALL),
    "two-tasks": HealthyTraining(two_tasks),
    "random-features": of(DIGITS_DENSE, network=random_features),
    "frozen-statistics": of(DIGITS_CONVOLUTIONAL, network=frozen_statistics),
}
