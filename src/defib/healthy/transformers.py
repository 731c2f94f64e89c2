"""Healthy trainings of transformers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Adam, AdamW

from defib.faults.tasks import DIGITS_CONVOLUTIONAL, SYMBOLS_TRANSFORMER, WAVES
from defib.healthy.base import HealthyTraining, Live, of
from defib.healthy.loops import live, steps
from defib.healthy.networks import LanguageModel, next_symbols
from defib.healthy.steps import scheduled, warm_up
from defib.networks.transformer import TransformerNetwork
from defib.training.seeding import seed_everything

SYMBOLS = partial(of, SYMBOLS_TRANSFORMER)


def encoder_layer(width: int, *, dropout: float = 0.0) -> nn.TransformerEncoderLayer:
    """Normalised before attention and not after it."""
    return nn.TransformerEncoderLayer(
        width, 4, 2 * width, dropout=dropout, batch_first=True, norm_first=True
    )


class Patches(nn.Module):
    """A transformer over the sixteen 2 x 2 patches of an image, with a class token."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, 32, 2, stride=2)
        self.token = nn.Parameter(torch.zeros(1, 1, 32))
        self.positions = nn.Parameter(0.02 * torch.randn(17, 32))
        self.layer, self.norm = encoder_layer(32), nn.LayerNorm(32)
        self.head = nn.Linear(32, 10)

    def forward(self, images: Tensor) -> Tensor:
        patches = self.patches(images).flatten(2).transpose(1, 2)
        tokens = torch.cat((self.token.expand(len(images), -1, -1), patches), dim=1)
        return self.head(self.norm(self.layer(tokens + self.positions))[:, 0])


class TiedLanguageModel(LanguageModel):
    """Its last layer is its embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.head.weight = self.embedding.weight
        nn.init.normal_(self.embedding.weight, std=0.05)


class LinearAttention(nn.Module):
    """Attention without a softmax, by hand (Katharopoulos et al. 2020)."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(8, 32)
        self.positions = nn.Parameter(0.5 * torch.randn(12, 32))
        self.query, self.key, self.value = (nn.Linear(32, 32) for _ in range(3))
        self.norm, self.head = nn.LayerNorm(32), nn.Linear(32, 8)

    def forward(self, symbols: Tensor) -> Tensor:
        features = self.embedding(symbols) + self.positions
        query, key = F.elu(self.query(features)) + 1, F.elu(self.key(features)) + 1
        summed = torch.einsum("nlk,nlv->nkv", key, self.value(features))
        attended = torch.einsum("nlk,nkv->nlv", query, summed)
        attended = attended / torch.einsum("nlk,nk->nl", query, key.sum(1))[..., None]
        return self.head(self.norm(features + attended).mean(dim=1))


class OverValues(nn.Module):
    """A transformer that forecasts a wave."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Linear(1, 32)
        self.positions = nn.Parameter(0.1 * torch.randn(24, 32))
        self.layer, self.head = encoder_layer(32), nn.Linear(32, 1)

    def forward(self, values: Tensor) -> Tensor:
        return self.head(self.layer(self.stem(values) + self.positions)[:, -1])


def masked_symbols(seed: int) -> Live:
    """Symbols hidden at random are to be told from those around them."""
    seed_everything(seed)
    split = next_symbols()
    embedding = nn.Embedding(9, 32)
    positions = nn.Embedding(12, 32)
    model = nn.ModuleList((embedding, positions, encoder_layer(32), nn.Linear(32, 8)))

    def loss_of_hidden(symbols: Tensor) -> Tensor:
        is_hidden = torch.rand(symbols.shape) < 0.2
        features = embedding(symbols.masked_fill(is_hidden, 8)) + positions(torch.arange(12))
        scores = model[3](model[2](features))
        return F.cross_entropy(scores[is_hidden], symbols[is_hidden])

    def loss_of() -> Tensor:
        return loss_of_hidden(split.inputs[torch.randint(len(split.inputs), (48,))])

    return live(
        AdamW(model.parameters(), lr=3e-3),
        steps(350),
        loss_of,
        lambda: loss_of_hidden(split.validation_inputs),
        epochs=1,
    )


def reversed_copies(seed: int) -> Live:
    """An encoder and a decoder learn to write six symbols backwards."""
    seed_everything(seed)
    embedding, head = nn.Embedding(9, 32), nn.Linear(32, 8)
    positions = nn.Embedding(6, 32)
    network = nn.Transformer(32, 4, 1, 1, 64, dropout=0.0, batch_first=True)
    model = nn.ModuleList((embedding, positions, network, head))
    mask = nn.Transformer.generate_square_subsequent_mask(6)

    def embedded(symbols: Tensor) -> Tensor:
        return embedding(symbols) + positions(torch.arange(6))

    def loss_of(count: int = 64) -> Tensor:
        symbols = torch.randint(8, (count, 6))
        wanted = symbols.flip(1)
        known = torch.cat((torch.full((count, 1), 8), wanted[:, :-1]), dim=1)
        states = network(embedded(symbols), embedded(known), tgt_mask=mask)
        return F.cross_entropy(head(states).flatten(0, 1), wanted.flatten())

    optimizer = Adam(model.parameters(), lr=2e-3)
    return live(optimizer, steps(300), loss_of, lambda: loss_of(500), epochs=1)


TRAININGS: Mapping[str, HealthyTraining] = {
    "transformer": SYMBOLS(optimizer=partial(AdamW, lr=1e-3), steps=400),
    "transformer-relu-dropout": SYMBOLS(
        scheduled(warm_up),
        network=partial(TransformerNetwork, layers=2, activation="relu", dropout=0.1),
    ),
    "language-model": SYMBOLS(
        data=cache(next_symbols),
        network=LanguageModel,
        optimizer=partial(AdamW, lr=3e-3),
        steps=300,
    ),
    "language-model-tied": SYMBOLS(
        data=cache(next_symbols),
        network=TiedLanguageModel,
        optimizer=partial(AdamW, lr=2e-3),
        steps=300,
    ),
    "linear-attention": SYMBOLS(network=LinearAttention, optimizer=partial(AdamW, lr=5e-3)),
    "transformer-forecast": of(WAVES, network=OverValues, optimizer=partial(AdamW, lr=2e-3)),
    "patches": of(
        DIGITS_CONVOLUTIONAL, network=Patches, optimizer=partial(AdamW, lr=3e-3), steps=250
    ),
    "masked-symbols": HealthyTraining(masked_symbols),
    "reversed-copies": HealthyTraining(reversed_copies),
}
