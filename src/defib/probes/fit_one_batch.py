"""Training copies on the first batch alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import isfinite, log2
from statistics import median
from typing import Any, ClassVar, final

import torch
from torch import Tensor

from defib.discovery.random_state import randomness_restored
from defib.metrics.batch_spread import batch_spread
from defib.metrics.update_ratio import update_ratios
from defib.monitor.transfer import loss_value
from defib.probes.base import Probe
from defib.probes.measurements import Measurements
from defib.probes.setup import Replica, Setup

STEPS = 200
SECONDS = 2.5
"""For the training with the user's own optimiser; those that follow get the half."""
FITTED_SHARE = 0.7
"""Share of the first loss below which a fit needs no comparison with others."""
RATE_FACTOR = 30.0
"""By which the learning rate is changed where the user's own does not fit: 1.5 decades."""
ADAM_RATE = 1e-3
"""The usual default."""
TAIL = 10
"""Losses at the end whose median is the fit."""
LOWEST_SCALE = 256.0
"""Powers of two from here on are a scale of mixed precision."""


@final
class FitOneBatch(Probe):
    """A copy of the network is trained on the first batch by a copy of the optimiser.

    `fit_loss`: the losses (of `own`; where that does not fit also of `slower` and `faster`, with
    the learning rate divided and multiplied by 30, and of `adam` with 1e-3; where it explodes of
    `clipped`, with the gradient norm limited to 1). `first_update_ratio`: norm of the first step
    over that of each weight matrix. `fitted_prediction_batch_std`: spread of the predictions
    over the batch in the end. `learning_rate`, and the `later_learning_rate` that a schedule
    has in store.
    """

    measures = ("fit_loss", "first_update_ratio", "learning_rate", "fitted_prediction_batch_std")
    order: ClassVar[int] = 200

    def measure(self, setup: Setup, into: Measurements) -> None:
        _add_rates(setup, into)
        own = _Fit(setup, setup.replica())
        own.run(own.replica.optimizer, SECONDS)
        into.add_sequence("fit_loss", "own", own.losses)
        for name, ratio in own.first_ratios.items():
            into.single.add("first_update_ratio", name, ratio)
        _add_spread(setup, own.replica, into)
        if own.is_fitted:
            return
        for name, change in _ALTERNATIVES.items():
            if setup.budget.left <= 0:
                break
            other = _Fit(setup, setup.replica())
            optimizer, limit = change(other.replica)
            other.run(optimizer, SECONDS / 2, limit)
            into.add_sequence("fit_loss", name, other.losses)


def _add_rates(setup: Setup, into: Measurements) -> None:
    name = setup.optimizer_name
    if not name:
        return
    groups = setup.optimizers[name].param_groups
    rates = [float(group["lr"]) for group in groups if "lr" in group]
    later = [float(group.get(key, 0)) for group in groups for key in ("initial_lr", "max_lr")]
    if rates:
        into.single.add("learning_rate", name, max(rates))
        into.single.add("later_learning_rate", name, max(*rates, *later))


def _add_spread(setup: Setup, replica: Replica, into: Measurements) -> None:
    if setup.own_losses:
        with torch.no_grad():
            _, values = replica.results()
            predictions = values.get(id(setup.own_losses[-1].predictions))
            if predictions is not None and predictions.ndim:
                spread = batch_spread(predictions.float())
                into.single.add("fitted_prediction_batch_std", "", spread)


Change = Callable[[Replica], tuple[Any, float | None]]


def _with_rate(factor: float, replica: Replica) -> tuple[Any, float | None]:
    for group in replica.optimizer.param_groups:
        group["lr"] = group["lr"] * factor
    return replica.optimizer, None


def _clipped(replica: Replica) -> tuple[Any, float | None]:
    return replica.optimizer, 1.0


def _adam(replica: Replica) -> tuple[Any, float | None]:
    return torch.optim.Adam(list(replica.parameters.values()), lr=ADAM_RATE), None


_ALTERNATIVES: dict[str, Change] = {
    "adam": _adam,
    "slower": partial(_with_rate, 1 / RATE_FACTOR),
    "faster": partial(_with_rate, RATE_FACTOR),
    "clipped": _clipped,
}


@final
@dataclass
class _Fit:
    setup: Setup
    replica: Replica

    def __post_init__(self) -> None:
        self.losses: list[float] = []
        self.first_ratios: dict[str, Tensor] = {}
        self._scale = _loss_scale(self.setup)

    @property
    def is_fitted(self) -> bool:
        end = median(self.losses[-TAIL:])
        return isfinite(end) and end < FITTED_SHARE * self.losses[0]

    def run(self, optimizer: Any, seconds: float, clip_norm: float | None = None) -> None:
        """Train until the steps, the seconds or the budget are used up, or a loss is no number."""
        end = min(time.perf_counter() + seconds, time.perf_counter() + self.setup.budget.left)
        with randomness_restored():
            while len(self.losses) < STEPS and time.perf_counter() < end:
                self._step(optimizer, clip_norm)
                if not isfinite(self.losses[-1]):
                    break

    def _step(self, optimizer: Any, clip_norm: float | None) -> None:
        weights = {n: p for n, p in self.replica.parameters.items() if p.ndim >= 2}
        is_first = not self.losses
        before = [each.detach().clone() for each in weights.values()] if is_first else []
        losses: list[Tensor] = []

        def closure() -> Tensor:
            for each in self.replica.parameters.values():
                each.grad = None
            loss = self.replica.loss() / self._scale
            loss.backward()
            if clip_norm is not None:
                torch.nn.utils.clip_grad_norm_(list(self.replica.parameters.values()), clip_norm)
            losses.append(loss.detach())
            return loss

        if isinstance(optimizer, torch.optim.LBFGS):
            optimizer.step(closure)
        else:
            closure()
            optimizer.step()
        self.losses.append(float(loss_value(losses[0])))
        if is_first and before:
            with torch.no_grad():
                ratios = update_ratios(before, [each.detach() for each in weights.values()])
            self.first_ratios = dict(zip(weights, ratios, strict=True))


def _loss_scale(setup: Setup) -> float:
    """The factor of mixed precision on the loss, 1 where there is none."""
    if len(setup.own_losses) != 1:
        return 1.0
    own, scaled = (
        loss_value(each) for each in (setup.own_losses[0].result.detach(), setup.loss.detach())
    )
    factor = float(scaled) / float(own) if float(own) else 1.0
    is_scale = isfinite(factor) and factor >= LOWEST_SCALE and abs(log2(factor) % 1) < 1e-3
    return factor if is_scale else 1.0
