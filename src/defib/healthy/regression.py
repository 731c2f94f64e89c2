"""Healthy trainings of numbers: several losses, targets large and small."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW

from defib.datasets.bundled import Split
from defib.faults.tasks import DIABETES, DIGITS_CENTERS, DIGITS_DENSE, TUMOURS, with_data
from defib.healthy.base import HealthyTraining, Live, of
from defib.healthy.loops import live, steps
from defib.healthy.networks import many_labels
from defib.networks.dense import dense_network
from defib.training.seeding import seed_everything


class Quantiles(nn.Module):
    """Pinball loss of the quantiles 0.1, 0.5 and 0.9, an output each."""

    def forward(self, predictions: Tensor, targets: Tensor) -> Tensor:
        levels = torch.tensor([0.1, 0.5, 0.9])
        miss = targets - predictions
        return torch.maximum(levels * miss, (levels - 1) * miss).mean()


class LogCosh(nn.Module):
    """Quadratic near 0 and linear far from it."""

    def forward(self, predictions: Tensor, targets: Tensor) -> Tensor:
        miss = predictions - targets
        return (miss + F.softplus(-2 * miss) - 0.6931).mean()


def scaled_targets(factor: float) -> Callable[[Split], Split]:
    """Targets times `factor`."""
    return lambda split: Split(
        split.inputs,
        factor * split.targets,
        split.validation_inputs,
        factor * split.validation_targets,
    )


def counts(split: Split) -> Split:
    """Counts whose logarithm follows the standardised targets."""

    def drawn(targets: Tensor) -> Tensor:
        return torch.poisson((0.7 * targets + 1).exp(), torch.Generator().manual_seed(0))

    return Split(
        split.inputs,
        drawn(split.targets),
        split.validation_inputs,
        drawn(split.validation_targets),
    )


def tiny_start(module: nn.Module) -> None:
    """Outputs as small as the targets from the start."""
    if isinstance(module, nn.Linear) and module.out_features == 1:
        nn.init.normal_(module.weight, std=1e-4)
        nn.init.zeros_(module.bias)


def small_outputs() -> nn.Module:
    return dense_network((10, 16, 16, 1)).apply(tiny_start)


class FourierFeatures(nn.Module):
    """Sines and cosines of fixed random frequencies, then dense layers (Tancik et al. 2020)."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("frequencies", 3 * torch.randn(1, 24))
        self.network = dense_network((48, 32, 1))

    def forward(self, places: Tensor) -> Tensor:
        phases = places @ self.get_buffer("frequencies")
        return self.network(torch.cat((phases.sin(), phases.cos()), dim=1))


def curve(seed: int, network: Callable[[], nn.Module]) -> Live:
    """A function of one number, drawn anew at every step."""
    seed_everything(seed)
    model = network()

    def loss_of(count: int = 64) -> Tensor:
        places = 2 * torch.rand(count, 1) - 1
        return F.mse_loss(model(places), torch.sin(6 * places) + 0.3 * torch.cos(15 * places))

    optimizer = Adam(model.parameters(), lr=3e-3)
    return live(optimizer, steps(400), loss_of, lambda: loss_of(500), epochs=1)


def decay_equation(seed: int) -> Live:
    """A network that solves u' = -2 u, u(0) = 1: the loss holds its derivative."""
    seed_everything(seed)
    model = dense_network((1, 24, 24, 1), nn.Tanh)

    def loss_of() -> Tensor:
        times = (2 * torch.rand(64, 1)).requires_grad_()
        values = model(times)
        [slope] = torch.autograd.grad(values.sum(), times, create_graph=True)
        start = (model(torch.zeros(1, 1)) - 1) ** 2
        return ((slope + 2 * values) ** 2).mean() + start.mean()

    def error() -> Tensor:
        times = torch.linspace(0, 2, 100)[:, None]
        return ((model(times) - (-2 * times).exp()) ** 2).mean()

    optimizer = Adam(model.parameters(), lr=5e-3)
    return live(optimizer, steps(400), loss_of, error, epochs=1)


TRAININGS: Mapping[str, HealthyTraining] = {
    "regression": of(DIABETES),
    "regression-huber": of(DIABETES, loss_function=nn.HuberLoss),
    "regression-absolute": of(DIABETES, loss_function=nn.L1Loss, max_ratio=0.85),
    "regression-log-cosh": of(DIABETES, loss_function=LogCosh),
    "regression-quantiles": of(
        DIABETES, network=lambda: dense_network((10, 16, 3)), loss_function=Quantiles
    ),
    "regression-rprop-like": of(
        DIABETES, optimizer=partial(SGD, lr=0.02, momentum=0.9, weight_decay=1e-2)
    ),
    "regression-linear": of(
        DIABETES, network=lambda: nn.Linear(10, 1), optimizer=partial(SGD, lr=0.05)
    ),
    "regression-summed": of(
        DIABETES, loss_function=lambda: nn.MSELoss(reduction="sum"), batch_size=16
    ),
    "regression-tiny-targets": of(
        with_data(DIABETES, scaled_targets(1e-3)),
        network=small_outputs,
        optimizer=partial(Adam, lr=1e-3),
    ),
    "regression-counts": of(
        with_data(DIABETES, counts), loss_function=nn.PoissonNLLLoss, max_ratio=1.0
    ),
    "regression-images-absolute": of(DIGITS_CENTERS, loss_function=nn.L1Loss),
    "logistic-regression": of(
        TUMOURS, network=lambda: nn.Linear(30, 1), optimizer=partial(SGD, lr=0.1)
    ),
    "logistic-regression-squared": of(
        TUMOURS,
        network=lambda: nn.Sequential(dense_network((30, 16, 1)), nn.Sigmoid()),
        loss_function=nn.MSELoss,
        optimizer=partial(AdamW, lr=5e-3),
    ),
    "probabilities-bce": of(
        TUMOURS,
        network=lambda: nn.Sequential(dense_network((30, 16, 1)), nn.Sigmoid()),
        loss_function=nn.BCELoss,
    ),
    "hinge": of(
        DIGITS_DENSE, loss_function=nn.MultiMarginLoss, optimizer=partial(SGD, lr=0.1, momentum=0.9)
    ),
    "many-labels": of(with_data(DIGITS_DENSE, many_labels), loss_function=nn.BCEWithLogitsLoss),
    "log-softmax-nll": of(
        DIGITS_DENSE,
        network=lambda: nn.Sequential(dense_network((64, 64, 10)), nn.LogSoftmax(dim=1)),
        loss_function=nn.NLLLoss,
    ),
    "curve-fourier": HealthyTraining(partial(curve, network=FourierFeatures)),
    "curve-tanh": HealthyTraining(
        partial(curve, network=lambda: dense_network((1, 48, 48, 1), nn.Tanh))
    ),
    "differential-equation": HealthyTraining(decay_equation),
}
