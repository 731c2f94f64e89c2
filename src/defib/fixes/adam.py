"""Steps whose size does not depend on that of the gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from torch.optim import Optimizer

from defib.fixes.base import Fix
from defib.fixes.keras_spelling import spelled
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord

USUAL_RATE = 1e-3
"""Of torch's Adam, and of Kingma, Ba (2015)."""


@final
@dataclass(frozen=True)
class Adam(Fix):
    """Adam instead of the script's optimiser.

    ## What it changes
    The script's optimiser finds no gradients when it steps, and Adam steps in its place, with a
    rate that follows the script's schedule.

    ## When it helps
    Where gradients of layers differ by orders of magnitude.

    ## References
    - Kingma, Ba, *Adam* (2015).
    """

    meaning: ClassVar[str] = "learning rate of Adam"

    def connect(self, training: LiveTraining) -> None:
        steppers = _Steppers(self.value or USUAL_RATE)

        def withhold(optimizer: Optimizer) -> None:
            steppers.withhold(optimizer)

        def step(optimizer: Optimizer) -> None:
            steppers.step(optimizer)
            training.did("steps by Adam")

        training.before_step(withhold)
        training.after_step(step)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del finding
        return spelled(
            record,
            f"`torch.optim.Adam(model.parameters(), lr={self.value or USUAL_RATE:g})`",
            f"`keras.optimizers.Adam(learning_rate={self.value or USUAL_RATE:g})`",
        )


@final
class _Steppers:
    """An Adam for each optimiser of the script."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._own: dict[int, tuple[torch.optim.Adam, float]] = {}
        self._gradients: list[tuple[torch.Tensor, Any]] = []

    def withhold(self, optimizer: Optimizer) -> None:
        """Take the gradients away, so that the script's optimiser changes nothing."""
        held = [each for group in optimizer.param_groups for each in group["params"]]
        self._gradients = [(each, each.grad) for each in held]
        for each in held:
            each.grad = None

    def step(self, optimizer: Optimizer) -> None:
        """Give the gradients back and step."""
        for parameter, gradient in self._gradients:
            parameter.grad = gradient
        rate = float(optimizer.param_groups[0]["lr"])
        held = [each for each, _ in self._gradients]
        if id(optimizer) not in self._own:
            self._own[id(optimizer)] = (torch.optim.Adam(held, lr=self._rate), rate)
        adam, first_rate = self._own[id(optimizer)]
        adam.param_groups[0]["lr"] = self._rate * (rate / first_rate if first_rate else 1.0)
        adam.step()
