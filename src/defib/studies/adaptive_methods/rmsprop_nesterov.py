"""RMSProp with Nesterov momentum, which torch does not have."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, final

import torch
from torch import Tensor
from torch.optim import Optimizer


@final
class RMSpropNesterov(Optimizer):
    """Algorithm 8.6 of Goodfellow, Bengio, Courville, Deep Learning (2016).

    Gradient g at the look-ahead point p + μ·u; v ← ρ·v + (1 − ρ)·g²; u ← μ·u − lr·g/√(v + ε);
    p ← p + u. As in torch's SGD with `nesterov=True`, the parameters hold the look-ahead point
    p + μ·u. The book divides by √v; ε, its δ for plain RMSProp, keeps the quotient finite where
    there was no gradient yet. `weight_decay` times the parameter is added to its gradient.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float = 1e-3,
        *,
        rho: float = 0.9,
        momentum: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
    ) -> None:
        settings = {
            "lr": lr,
            "rho": rho,
            "momentum": momentum,
            "eps": eps,
            "weight_decay": weight_decay,
        }
        super().__init__(parameters, settings)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One update of every parameter that has a gradient; returns what `closure` does."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, parameter.grad, group)
        return loss

    # Any: torch's groups hold parameters and settings side by side.
    def _move(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["square"] = torch.zeros_like(parameter)
            state["velocity"] = torch.zeros_like(parameter)
        square, velocity = state["square"], state["velocity"]
        if group["weight_decay"]:
            gradient = gradient.add(parameter, alpha=group["weight_decay"])
        square.mul_(group["rho"]).addcmul_(gradient, gradient, value=1 - group["rho"])
        scaled = gradient / torch.sqrt(square + group["eps"])
        # From the look-ahead point back to p, on by the new velocity, and ahead again.
        parameter.sub_(velocity, alpha=group["momentum"])
        velocity.mul_(group["momentum"]).sub_(scaled, alpha=group["lr"])
        parameter.add_(velocity, alpha=1 + group["momentum"])
