"""Healthy trainings of dense networks by activation and depth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import SGD, Adam

from defib.datasets.bundled import digits
from defib.faults.tasks import DIABETES, DIGITS_DENSE, TUMOURS, with_weights
from defib.healthy.base import HealthyTraining, Live, of
from defib.healthy.loops import live, loader, wrong_share
from defib.healthy.networks import Rezero, dense, he_initialized, zero_head
from defib.networks.dense import dense_network
from defib.training.seeding import seed_everything

OF = partial(of, DIGITS_DENSE)


def for_selu(module: nn.Module) -> None:
    """Klambauer et al., Self-Normalizing Neural Networks (2017)."""
    if isinstance(module, nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
        nn.init.zeros_(module.bias)


def for_tanh(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight, gain=nn.init.calculate_gain("tanh"))
        nn.init.zeros_(module.bias)


class Gated(nn.Module):
    """Half of the features open or close the other half."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(64, 96), nn.Linear(48, 64)
        self.head = nn.Linear(32, 10)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(F.glu(self.second(F.glu(self.first(images.flatten(1))))))


class Maxout(nn.Module):
    """The largest of three linear units (Goodfellow et al. 2013)."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.head = nn.Linear(64, 3 * 32), nn.Linear(32, 10)

    def forward(self, images: Tensor) -> Tensor:
        pieces = self.hidden(images.flatten(1)).unflatten(1, (32, 3))
        return self.head(pieces.amax(dim=2))


class Highway(nn.Module):
    """Layers that mostly carry their input on at first (Srivastava et al. 2015)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Linear(64, 32)
        self.layers = nn.ModuleList(nn.Linear(32, 32) for _ in range(6))
        self.gates = nn.ModuleList(nn.Linear(32, 32) for _ in range(6))
        for gate in self.gates:
            assert isinstance(gate, nn.Linear)
            nn.init.constant_(gate.bias, -2.0)
        self.head = nn.Linear(32, 10)

    def forward(self, images: Tensor) -> Tensor:
        features = self.stem(images.flatten(1))
        for layer, gate in zip(self.layers, self.gates, strict=True):
            share = torch.sigmoid(gate(features))
            features = share * F.relu(layer(features)) + (1 - share) * features
        return self.head(features)


def sparse_units(seed: int) -> Live:
    """A penalty on what a wide ReLU layer gives: few units answer to any one image."""
    seed_everything(seed)
    split = digits()
    body = nn.Sequential(nn.Flatten(), nn.Linear(64, 256), nn.ReLU())
    model = nn.Sequential(body, nn.Linear(256, 10))

    def loss_of(images: Tensor, labels: Tensor) -> Tensor:
        features = body(images)
        return F.cross_entropy(model[1](features), labels) + 2e-3 * features.sum(dim=1).mean()

    optimizer = Adam(model.parameters(), lr=2e-3)
    return live(optimizer, loader(split, seed), loss_of, lambda: wrong_share(model, split))


class Winners(nn.Module):
    """Only the eight strongest of 128 units answer (Makhzani & Frey 2013)."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.head = nn.Linear(64, 128), nn.Linear(128, 10)

    def forward(self, images: Tensor) -> Tensor:
        features = F.relu(self.hidden(images.flatten(1)))
        weakest = features.topk(8, dim=1).values[:, -1:]
        return self.head(torch.where(features >= weakest, features, 0.0))


TRAININGS: Mapping[str, HealthyTraining] = {
    "wide": OF(network=dense(512), optimizer=Adam),
    "narrow": OF(network=dense(12), optimizer=partial(Adam, lr=1e-2)),
    "deep-relu": of(with_weights(replace(DIGITS_DENSE, network=dense(*[32] * 10)), he_initialized)),
    "deep-tanh": of(
        with_weights(replace(DIGITS_DENSE, network=dense(*[32] * 8, kind=nn.Tanh)), for_tanh),
        optimizer=partial(Adam, lr=1e-3),
    ),
    "deep-selu": of(
        with_weights(replace(DIGITS_DENSE, network=dense(*[32] * 12, kind=nn.SELU)), for_selu),
        optimizer=partial(SGD, lr=0.03),
    ),
    "highway": OF(network=Highway),
    "tanh": OF(network=dense(64, 64, kind=nn.Tanh)),
    "tanh-regression": of(DIABETES, network=lambda: dense_network((10, 24, 1), nn.Tanh)),
    "sigmoid": OF(network=dense(64, kind=nn.Sigmoid), optimizer=partial(Adam, lr=5e-3)),
    "two-sigmoid-layers": OF(
        network=dense(64, 32, kind=nn.Sigmoid), optimizer=partial(Adam, lr=1e-2), steps=500
    ),
    "leaky-relu": OF(network=dense(64, 32, kind=partial(nn.LeakyReLU, inplace=True))),
    "learnt-slope": OF(network=dense(64, 32, kind=nn.PReLU)),
    "elu": OF(network=dense(64, 32, kind=nn.ELU)),
    "silu": OF(network=dense(64, 32, kind=nn.SiLU)),
    "gelu-tumours": of(TUMOURS, network=lambda: dense_network((30, 32, 1), nn.GELU)),
    "mish": OF(network=dense(64, 32, kind=nn.Mish)),
    "softplus": OF(network=dense(64, 32, kind=nn.Softplus), optimizer=partial(Adam, lr=4e-3)),
    "hard-swish": OF(network=dense(64, 32, kind=nn.Hardswish), optimizer=partial(Adam, lr=4e-3)),
    "gated": OF(network=Gated, optimizer=partial(Adam, lr=4e-3)),
    "maxout": OF(network=Maxout),
    "zero-last-layer": OF(network=zero_head),
    "zero-residual-branches": OF(network=Rezero),
    "sparse-units": HealthyTraining(sparse_units),
    "winners-only": OF(network=Winners),
}
