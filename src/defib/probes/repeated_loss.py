"""The first loss once more, twice, with the same random state."""

from __future__ import annotations

from typing import ClassVar, final

from defib.probes.base import Probe
from defib.probes.measurements import Measurements
from defib.probes.setup import Replica, Setup


@final
class RepeatedLoss(Probe):
    """`repeated_loss_difference`: relative difference of the losses of two equal copies.

    Both begin with the random state of torch, NumPy and Python that the script had. 0 unless
    something else decides: a generator of its own, the clock, an operation that is not
    deterministic.
    """

    measures = ("repeated_loss_difference",)
    order: ClassVar[int] = 104

    def measure(self, setup: Setup, into: Measurements) -> None:
        first, second = (
            Replica(setup).loss(restores_randomness=True).detach().double() for _ in range(2)
        )
        difference = (first - second).abs() / first.abs().clamp_min(1e-12)
        into.single.add("repeated_loss_difference", "", difference.nan_to_num(0.0).mean())
