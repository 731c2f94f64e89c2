"""Healthy trainings by regularisation, augmentation and weighting of examples."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW
from torch.utils.data import WeightedRandomSampler

from defib.datasets.bundled import digits
from defib.faults.tasks import (
    DIGITS_CENTERS,
    DIGITS_CONVOLUTIONAL,
    DIGITS_DENSE,
    SYMBOLS_TRANSFORMER,
    TUMOURS,
    standardized_breast_cancer,
    with_data,
)
from defib.healthy.base import HealthyTraining, Live, no_gradient, of
from defib.healthy.loops import live, loader, mean_loss, wrong_share
from defib.healthy.networks import dense, noisy_labels, rare_malignant
from defib.networks.convolutional import ConvolutionalNetwork
from defib.networks.dense import dense_network
from defib.training.seeding import seed_everything

OF = partial(of, DIGITS_DENSE)


class FocalLoss(nn.Module):
    """Cross-entropy, less of it for what is right already (Lin et al. 2017)."""

    def forward(self, scores: Tensor, labels: Tensor) -> Tensor:
        each = F.cross_entropy(scores, labels, reduction="none")
        return ((1 - (-each).exp()) ** 2 * each).mean()


def mixed_up(seed: int) -> Live:
    """Pairs of images and of labels, mixed (Zhang et al. 2017)."""
    seed_everything(seed)
    split = digits()
    model = ConvolutionalNetwork()

    def loss_of(images: Tensor, labels: Tensor) -> Tensor:
        share = float(torch.distributions.Beta(0.4, 0.4).sample())
        other = torch.randperm(len(images))
        scores = model(share * images + (1 - share) * images[other])
        return share * F.cross_entropy(scores, labels) + (1 - share) * F.cross_entropy(
            scores, labels[other]
        )

    optimizer = Adam(model.parameters(), lr=3e-3)
    return live(optimizer, loader(split, seed), loss_of, lambda: wrong_share(model, split))


def augmented(seed: int) -> Live:
    """Images moved by a pixel and with noise; validation images as they are."""
    seed_everything(seed)
    split = digits()
    model = ConvolutionalNetwork()

    def loss_of(images: Tensor, labels: Tensor) -> Tensor:
        right, down = torch.randint(-1, 2, (2,)).tolist()
        moved = images.roll((down, right), dims=(2, 3)) + 0.1 * torch.randn_like(images)
        return F.cross_entropy(model(moved), labels)

    optimizer = SGD(model.parameters(), lr=0.05, momentum=0.9)
    return live(optimizer, loader(split, seed), loss_of, lambda: wrong_share(model, split))


def weighted_sampler(seed: int) -> Live:
    """Rare classes drawn more often."""
    seed_everything(seed)
    split = rare_malignant(standardized_breast_cancer())
    share = split.targets[:, 0].mean()
    weights = torch.where(split.targets[:, 0] == 1, 1 - share, share)
    sampler = WeightedRandomSampler(
        weights.tolist(), len(weights), generator=torch.Generator().manual_seed(seed)
    )
    model = dense_network((30, 16, 16, 1))

    def loss_of(rows: Tensor, labels: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(model(rows), labels)

    return live(
        AdamW(model.parameters(), lr=5e-3),
        loader(split, seed, shuffle=False, sampler=sampler),
        loss_of,
        lambda: loss_of(split.validation_inputs, split.validation_targets),
        epochs=25,
    )


def averaged_weights(seed: int) -> Live:
    """An exponential moving average of the weights is evaluated."""
    seed_everything(seed)
    split = digits()
    model = dense_network((64, 64, 10))
    average = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.98)
    )
    optimizer = AdamW(model.parameters(), lr=3e-3)

    def train() -> None:
        for _ in range(9):
            for images, labels in loader(split, seed):
                optimizer.zero_grad()
                F.cross_entropy(model(images), labels).backward()
                optimizer.step()
                average.update_parameters(model)
            mean_loss(average, split.validation_inputs, split.validation_targets)

    return Live(train, no_gradient(lambda: wrong_share(average, split)))


def stopped_early(seed: int) -> Live:
    """Ends when the validation loss has not fallen for three epochs; takes the best weights."""
    seed_everything(seed)
    split = digits()
    model = dense_network((64, 48, 10))
    optimizer = Adam(model.parameters(), lr=5e-3)

    def train() -> None:
        best, weights, waited = float("inf"), model.state_dict(), 0
        for _ in range(25):
            for images, labels in loader(split, seed):
                optimizer.zero_grad()
                F.cross_entropy(model(images), labels).backward()
                optimizer.step()
            loss = mean_loss(model, split.validation_inputs, split.validation_targets)
            waited = 0 if loss < best else waited + 1
            if loss < best:
                best = loss
                weights = {name: each.clone() for name, each in model.state_dict().items()}
            if waited == 3:
                break
        model.load_state_dict(weights)

    return Live(train, no_gradient(lambda: wrong_share(model, split)))


TRAININGS: Mapping[str, HealthyTraining] = {
    "dropout": OF(network=dense(128, 64, dropout=0.5), steps=600),
    "dropout-transformer": of(
        SYMBOLS_TRANSFORMER,
        loss_function=partial(nn.CrossEntropyLoss, label_smoothing=0.05),
        steps=350,
    ),
    "label-smoothing": OF(loss_function=partial(nn.CrossEntropyLoss, label_smoothing=0.1)),
    "label-smoothing-images": of(
        DIGITS_CONVOLUTIONAL, loss_function=partial(nn.CrossEntropyLoss, label_smoothing=0.2)
    ),
    "focal-loss": OF(loss_function=FocalLoss),
    "class-weights": of(
        with_data(TUMOURS, rare_malignant),
        loss_function=lambda: nn.BCEWithLogitsLoss(pos_weight=torch.tensor(0.05)),
    ),
    "imbalanced-but-learnt": of(
        with_data(TUMOURS, rare_malignant), optimizer=partial(AdamW, lr=5e-3), steps=300
    ),
    "noisy-labels": of(with_data(DIGITS_DENSE, noisy_labels), steps=300),
    "decayed-regression": of(DIGITS_CENTERS, optimizer=partial(AdamW, lr=3e-3, weight_decay=0.1)),
    "l2-in-adam": OF(optimizer=partial(Adam, lr=2e-3, weight_decay=1e-4)),
    "mixed-up": HealthyTraining(mixed_up),
    "augmented": HealthyTraining(augmented),
    "weighted-sampler": HealthyTraining(weighted_sampler),
    "averaged-weights": HealthyTraining(averaged_weights),
    "stopped-early": HealthyTraining(stopped_early),
}
