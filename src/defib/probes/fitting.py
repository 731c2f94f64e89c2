"""Trains a copy on the first batch."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, log2
from statistics import median
from typing import Any, final

import torch
from torch import Tensor

from defib.analysis.nested_tensors import tensors_in
from defib.discovery.random_state import randomness_restored
from defib.metrics.update_ratio import update_ratios
from defib.monitor.transfer import loss_value
from defib.probes.setup import Replica, Setup

STEPS = 200
FITTED_SHARE = 0.7
"""Share of the first loss, and of a constant prediction's, below which a fit needs no comparison
with others."""
TAIL = 10
"""Losses at the end whose median is the fit."""
LOWEST_SCALE = 256.0
"""Powers of two from here on are a scale of mixed precision."""
SETTLED = 3
"""Steps after which a network holds all that it keeps of one run."""


@final
@dataclass(frozen=True)
class Allowed:
    """How long a fit may take: in `seconds` of this thread, as a `share` of the budget that is
    left (in [0, 1]), and in steps."""

    seconds: float
    share: float
    steps: int = STEPS


@final
class Fit:
    """A replica, the losses of the steps that it took, and what its first step was like.

    `inputs` maps the identity of tensors of the user's to what the replica is given instead.
    `first_slope` is the cosine between the first step and its gradient: negative downhill.
    """

    def __init__(
        self, setup: Setup, replica: Replica, inputs: Mapping[int, Any] | None = None
    ) -> None:
        self.replica = replica
        self.losses: list[float] = []
        self.first_ratios: dict[str, Tensor] = {}
        self.first_slope: Tensor | None = None
        self.held: list[int] = []
        """Elements of the results that the network keeps with their graph, after some steps and in
        the end."""
        self._setup = setup
        self._inputs = inputs
        self._scale = loss_scale(setup)

    @property
    def end(self) -> float:
        """Median of the last losses."""
        return median(self.losses[-TAIL:])

    def loss(self) -> float | Tensor:
        """Of the replica as it is now, in the unit of `losses`."""
        return loss_value(self.replica.loss(inputs=self._inputs) / self._scale)

    def is_fitted(self, constant: float | None) -> bool:
        """Whether the loss fell far, and below `constant`, that of a constant prediction."""
        limit = FITTED_SHARE * min(self.losses[0], constant or self.losses[0])
        return isfinite(self.end) and self.end < limit

    def run(self, optimizer: Any, allowed: Allowed, clip_norm: float | None = None) -> None:
        """Train until what is allowed is used up, or a loss is no number."""
        budget = self._setup.budget
        # Beside other programs the thread's own time runs slower than the clock on the wall.
        end, left = time.thread_time() + allowed.seconds, budget.left * (1 - allowed.share)
        with randomness_restored():
            while len(self.losses) < allowed.steps and budget.left > left:
                if time.thread_time() > end:
                    break
                self._step(optimizer, clip_norm)
                if not isfinite(self.losses[-1]):
                    break
                if len(self.losses) == SETTLED:
                    self.held.append(self._held_results())
        self.held.append(self._held_results())

    def _step(self, optimizer: Any, clip_norm: float | None) -> None:
        is_first = not self.losses
        before = self._weights() if is_first else {}
        losses: list[Tensor] = []

        def closure() -> Tensor:
            for each in self.replica.parameters.values():
                each.grad = None
            loss = self.replica.loss(inputs=self._inputs) / self._scale
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
            self._look_at_first_step(before, has_gradient=len(losses) == 1)

    def _weights(self) -> dict[str, Tensor]:
        return {
            name: each.detach().clone()
            for name, each in self.replica.parameters.items()
            if each.ndim >= 2
        }

    def _look_at_first_step(self, before: Mapping[str, Tensor], *, has_gradient: bool) -> None:
        with torch.no_grad():
            if has_gradient:
                self.first_slope = self._slope(before)
            after = [self.replica.parameters[name].detach() for name in before]
            # Writes into what it is given: last.
            ratios = update_ratios(list(before.values()), after)
            self.first_ratios = dict(zip(before, ratios, strict=True))

    def _slope(self, before: Mapping[str, Tensor]) -> Tensor | None:
        steps, gradients = [], []
        for name, old in before.items():
            new = self.replica.parameters[name]
            if new.grad is not None and not new.grad.is_sparse:
                steps.append((new - old).reshape(-1).double())
                gradients.append(new.grad.reshape(-1).double())
        if not steps:
            return None
        return torch.nn.functional.cosine_similarity(torch.cat(steps), torch.cat(gradients), dim=0)

    def _held_results(self) -> int:
        modules = list(self.replica.network.modules())
        return sum(
            each.numel()
            for module in modules
            for each in tensors_in(list(vars(module).values()))
            if each.grad_fn is not None
        )


def loss_scale(setup: Setup) -> float:
    """The factor of mixed precision on the loss, 1 where there is none."""
    if len(setup.own_losses) != 1:
        return 1.0
    own, scaled = (
        loss_value(each) for each in (setup.own_losses[0].result.detach(), setup.loss.detach())
    )
    factor = float(scaled) / float(own) if float(own) else 1.0
    is_scale = isfinite(factor) and factor >= LOWEST_SCALE and abs(log2(factor) % 1) < 1e-3
    return factor if is_scale else 1.0
