"""Data and networks of healthy trainings that the corpus does not have already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from defib.datasets.bundled import Split
from defib.networks.dense import dense_network


def images_as_targets(split: Split) -> Split:
    """Images as their own targets."""
    return replace(split, targets=split.inputs, validation_targets=split.validation_inputs)


def noisy_labels(split: Split) -> Split:
    generator = torch.Generator().manual_seed(0)
    wrong = torch.rand(len(split.targets), generator=generator) < 0.2
    other = torch.randint(10, split.targets.shape, generator=generator)
    return replace(split, targets=torch.where(wrong, other, split.targets))


def rare_malignant(split: Split) -> Split:
    """Tumours of which one in twenty is malignant: imbalanced, and still learnt."""
    kept = split.targets[:, 0] == 1
    kept[(split.targets[:, 0] == 0).nonzero()[:15]] = True
    return replace(split, inputs=split.inputs[kept], targets=split.targets[kept])


def many_labels(split: Split) -> Split:
    """Ten yes-or-no questions for each digit."""
    return replace(
        split,
        targets=F.one_hot(split.targets, 10).float(),
        validation_targets=F.one_hot(split.validation_targets, 10).float(),
    )


def next_symbols(count: int = 1600) -> Split:
    """Periodic sequences; each position's target is the next symbol."""
    generator = torch.Generator().manual_seed(0)
    pattern = torch.randint(8, (count, 4), generator=generator)
    text = pattern.repeat(1, 4)[:, :13]
    inputs, targets = text[:, :-1], text[:, 1:]
    return Split(inputs[200:], targets[200:], inputs[:200], targets[:200])


class LanguageModel(nn.Module):
    """A causal transformer; logits with the classes on axis 1."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(8, 32)
        self.positions = nn.Parameter(0.02 * torch.randn(12, 32))
        self.layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True)
        self.head = nn.Linear(32, 8)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(12))

    def forward(self, symbols: Tensor) -> Tensor:
        features = self.embedding(symbols) + self.positions
        return self.head(self.layer(features, src_mask=self.mask)).movedim(-1, 1)


class SparseClassifier(nn.Module):
    """A bag of symbols with sparse gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(96, 16, sparse=True)
        self.head = nn.Linear(16 * 12, 8)

    def forward(self, symbols: Tensor) -> Tensor:
        places = symbols + 8 * torch.arange(12)
        return self.head(self.embedding(places).flatten(1))


class Rezero(nn.Module):
    """Residual blocks whose branches start at zero."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Linear(64, 32)
        self.branches = nn.ModuleList(
            nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 32)) for _ in range(4)
        )
        for branch in self.branches:
            *_, weight, bias = branch.parameters()
            nn.init.zeros_(weight)
            nn.init.zeros_(bias)
        self.head = nn.Linear(32, 10)

    def forward(self, images: Tensor) -> Tensor:
        features = self.stem(images.flatten(1))
        for branch in self.branches:
            features = features + branch(features)
        return self.head(features)


def zero_head() -> nn.Module:
    network = dense_network((64, 64, 32, 10))
    last = network[-1]
    assert isinstance(last, nn.Linear)
    nn.init.zeros_(last.weight)
    return network


def dense(*hidden: int, kind: Callable[[], nn.Module] = nn.ReLU, **more: Any) -> Any:
    return lambda: dense_network((64, *hidden, 10), kind, **more)


def layer_normalized() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, 48),
        nn.LayerNorm(48),
        nn.GELU(),
        nn.Linear(48, 48),
        nn.LayerNorm(48),
        nn.GELU(),
        nn.Linear(48, 10),
    )


def weight_normalized() -> nn.Module:
    norm = torch.nn.utils.parametrizations.weight_norm
    return nn.Sequential(nn.Flatten(), norm(nn.Linear(64, 48)), nn.ReLU(), norm(nn.Linear(48, 10)))


def group_normalized() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.GroupNorm(4, 8),
        nn.SiLU(),
        nn.Conv2d(8, 16, 3, stride=2, padding=1),
        nn.GroupNorm(4, 16),
        nn.SiLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(64, 10),
    )


def he_initialized(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.zeros_(module.bias)
