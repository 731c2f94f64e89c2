"""The first loss again, and again, with the same random state."""

from __future__ import annotations

from typing import ClassVar, final

import torch
from torch import Tensor

from defib.monitor.transfer import is_true
from defib.probes.base import Probe
from defib.probes.measurements import Measurements
from defib.probes.setup import Replica, Setup

REPETITIONS = 8
"""Where two losses differ at all: one pair in 28 came by chance as near as rounding does,
though noise of its own decided; of eight losses the farthest two never did (10,000 trials)."""


@final
class RepeatedLoss(Probe):
    """`repeated_loss_difference`: largest relative difference of the losses of equal copies.

    All begin with the random state of torch, NumPy and Python that the script had. 0 unless
    something else decides: a generator of its own, the clock, an operation that is not
    deterministic. Two copies where they agree, as nearly always, else eight.
    """

    measures = ("repeated_loss_difference",)
    order: ClassVar[int] = 104

    def measure(self, setup: Setup, into: Measurements) -> None:
        losses = [_loss_of_a_copy(setup), _loss_of_a_copy(setup)]
        if is_true(((losses[0] - losses[1]).abs() > 0).any()):
            while len(losses) < REPETITIONS and setup.budget.left > 0:
                losses.append(_loss_of_a_copy(setup))
        every = torch.stack(losses)
        spread = every.amax(0) - every.amin(0)
        difference = spread / every[0].abs().clamp_min(1e-12)
        into.single.add("repeated_loss_difference", "", difference.nan_to_num(0.0).mean())


def _loss_of_a_copy(setup: Setup) -> Tensor:
    return Replica(setup).loss(restores_randomness=True).detach().double()
