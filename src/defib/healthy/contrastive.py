"""Healthy trainings that learn which examples are alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import SGD, Adam

from defib.datasets.bundled import Split, digits
from defib.healthy.base import HealthyTraining, Live
from defib.healthy.loops import live, loader
from defib.networks.dense import dense_network
from defib.training.seeding import seed_everything


def misplaced(embed: Callable[[Tensor], Tensor], split: Split) -> Tensor:
    """Share of validation images whose nearest training image has another label."""
    nearest = torch.cdist(embed(split.validation_inputs), embed(split.inputs)).argmin(dim=1)
    return (split.targets[nearest] != split.validation_targets).float().mean()


def apart(embed: Callable[[Tensor], Tensor], split: Split) -> Tensor:
    """Mean distance within a class over the mean distance: near 0 where classes are apart."""
    features, labels = embed(split.validation_inputs), split.validation_targets
    distances = torch.cdist(features, features)
    return distances[labels[:, None] == labels].mean() / distances.mean()


LossOfFeatures = Callable[[Tensor, Tensor], Tensor]


def embedding(seed: int, loss_of: LossOfFeatures, *, epochs: int = 9) -> Live:
    """An embedding of digits by a loss of features and labels."""
    seed_everything(seed)
    split = digits()
    model = dense_network((64, 64, 16))
    return live(
        Adam(model.parameters(), lr=2e-3),
        loader(split, seed),
        lambda images, labels: loss_of(model(images), labels),
        lambda: apart(model, split),
        epochs=epochs,
    )


def pairs(features: Tensor, labels: Tensor) -> Tensor:
    """Hadsell et al. (2006): pairs of a class together, others a margin apart."""
    other = features.roll(1, dims=0)
    gap = F.pairwise_distance(features, other)
    is_alike = (labels == labels.roll(1)).float()
    return (is_alike * gap**2 + (1 - is_alike) * F.relu(1.5 - gap) ** 2).mean()


def triplets(features: Tensor, labels: Tensor) -> Tensor:
    """Schroff et al. (2015), with the farthest of the class and the nearest of the others."""
    distances = torch.cdist(features, features)
    is_alike = labels[:, None] == labels
    farthest = distances.masked_fill(~is_alike, 0.0).amax(dim=1)
    nearest = distances.masked_fill(is_alike, float("inf")).amin(dim=1)
    return F.relu(farthest - nearest + 0.5).mean()


def supervised(features: Tensor, labels: Tensor) -> Tensor:
    """Khosla et al. (2020)."""
    features = F.normalize(features, dim=1)
    scores = features @ features.t() / 0.2
    is_self = torch.eye(len(labels), dtype=torch.bool)
    log_share = scores - scores.masked_fill(is_self, -1e9).logsumexp(dim=1, keepdim=True)
    is_alike = ((labels[:, None] == labels) & ~is_self).float()
    return -(is_alike * log_share).sum() / is_alike.sum().clamp_min(1)


def changed(images: Tensor) -> Tensor:
    """Another view of the same images."""
    return images * (torch.rand_like(images) > 0.15) + 0.1 * torch.randn_like(images)


def views(seed: int, loss_of: LossOfFeatures) -> Live:
    """No labels: two views of an image are alike."""
    seed_everything(seed)
    split = digits()
    body, projection = dense_network((64, 96, 32)), dense_network((32, 32, 16))
    model = nn.Sequential(body, projection)
    return live(
        Adam(model.parameters(), lr=2e-3),
        loader(split, seed, batch_size=64, drop_last=True),
        lambda images, _: loss_of(model(changed(images)), model(changed(images))),
        lambda: apart(model, split),
        epochs=15,
    )


def same_among_all(first: Tensor, second: Tensor) -> Tensor:
    """Chen et al. (2020): which of the others is the other view?"""
    scores = F.normalize(first, dim=1) @ F.normalize(second, dim=1).t() / 0.3
    answers = torch.arange(len(first))
    return (F.cross_entropy(scores, answers) + F.cross_entropy(scores.t(), answers)) / 2


def decorrelated(first: Tensor, second: Tensor) -> Tensor:
    """Zbontar et al. (2021): features agree between views, and differ from one another."""
    first, second = (
        (each - each.mean(0)) / each.std(0).clamp_min(1e-4) for each in (first, second)
    )
    correlation = first.t() @ second / len(first)
    on_diagonal = correlation.diagonal()
    others = correlation - torch.diag(on_diagonal)
    return ((1 - on_diagonal) ** 2).sum() + 0.05 * (others**2).sum()


def without_negatives(seed: int) -> Live:
    """Chen & He (2020): the loss is a negative cosine, and one branch gets no gradient."""
    seed_everything(seed)
    split = digits()
    body = nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, 64, bias=False),
        nn.BatchNorm1d(64),
        nn.ReLU(),
        nn.Linear(64, 32, bias=False),
        nn.BatchNorm1d(32, affine=False),
    )
    predictor = dense_network((32, 16, 32))

    def loss_of(images: Tensor, _: Tensor) -> Tensor:
        first, second = body(changed(images)), body(changed(images))
        one = F.cosine_similarity(predictor(first), second.detach()).mean()
        other = F.cosine_similarity(predictor(second), first.detach()).mean()
        return -(one + other) / 2

    optimizer = SGD(
        [*body.parameters(), *predictor.parameters()], lr=0.1, momentum=0.9, weight_decay=1e-4
    )
    batches = loader(split, seed, batch_size=64, drop_last=True)
    return live(
        optimizer,
        batches,
        loss_of,
        lambda: 1 + loss_of(split.validation_inputs, split.validation_targets),
        epochs=12,
    )


def two_towers(seed: int) -> Live:
    """Radford et al. (2021): upper and lower halves of images find each other."""
    seed_everything(seed)
    split = digits()
    upper, lower = dense_network((32, 48, 16)), dense_network((32, 48, 16))
    scale = nn.Parameter(torch.tensor(1.0))

    def loss_of(images: Tensor, _: Tensor) -> Tensor:
        first = F.normalize(upper(images[:, :, :4]), dim=1)
        second = F.normalize(lower(images[:, :, 4:]), dim=1)
        scores = scale.exp() * first @ second.t()
        answers = torch.arange(len(images))
        return (F.cross_entropy(scores, answers) + F.cross_entropy(scores.t(), answers)) / 2

    optimizer = Adam([*upper.parameters(), *lower.parameters(), scale], lr=3e-3)
    held_out = split.validation_inputs[:64]
    return live(
        optimizer,
        loader(split, seed, batch_size=64),
        loss_of,
        lambda: loss_of(held_out, split.validation_targets[:64]),
        epochs=15,
    )


class Cosines(nn.Module):
    """Cosines of features and class vectors, times 12, with a margin (Wang et al. 2018)."""

    def __init__(self) -> None:
        super().__init__()
        self.body = dense_network((64, 64, 16))
        self.classes = nn.Parameter(torch.randn(10, 16))

    def forward(self, images: Tensor) -> Tensor:
        return F.linear(F.normalize(self.body(images)), F.normalize(self.classes))


def with_margin(seed: int) -> Live:
    seed_everything(seed)
    split = digits()
    model = Cosines()

    def loss_of(images: Tensor, labels: Tensor) -> Tensor:
        cosines = model(images) - 0.2 * F.one_hot(labels, 10)
        return F.cross_entropy(12 * cosines, labels)

    return live(
        Adam(model.parameters(), lr=3e-3),
        loader(split, seed),
        loss_of,
        lambda: misplaced(model.body, split) + apart(model.body, split),
    )


TRAININGS: Mapping[str, HealthyTraining] = {
    "siamese": HealthyTraining(partial(embedding, loss_of=pairs)),
    "triplets": HealthyTraining(partial(embedding, loss_of=triplets)),
    "supervised-contrastive": HealthyTraining(partial(embedding, loss_of=supervised)),
    "views-among-all": HealthyTraining(partial(views, loss_of=same_among_all), max_ratio=0.95),
    "views-decorrelated": HealthyTraining(partial(views, loss_of=decorrelated), max_ratio=0.98),
    "views-without-negatives": HealthyTraining(without_negatives),
    "two-towers": HealthyTraining(two_towers),
    "cosine-margin": HealthyTraining(with_margin),
}
