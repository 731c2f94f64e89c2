"""Sets the learning rate of optimisers from outside, each parameter group in its proportion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

from torch import Tensor

from defib.errors import UsageError
from defib.records.learning_rate_range import Group

# A parameter group of torch: `params`, `lr`, `momentum`, ...
Settings = Any


@final
class SteeredRates:
    """The learning rates of every group of the optimisers that it has seen.

    A rate is that of the first group that has one; every other group gets its share of it,
    as their own learning rates are to each other. A group whose rate is zero keeps zero.
    """

    def __init__(self) -> None:
        self._own: list[tuple[Settings, float | Tensor]] = []
        self._shares: dict[tuple[int, int], Group] = {}
        self._kept: list[object] = []
        self.reference: float | None = None
        """The own learning rate of the first group that has one."""

    @property
    def groups(self) -> tuple[Group, ...]:
        return tuple(self._shares.values())

    def steer(self, optimizer: Any, rate: float) -> None:
        """Give the groups of the optimiser their shares of `rate`, until `release`.

        Raises `UsageError` where a group has no learning rate.
        """
        for index, group in enumerate(optimizer.param_groups):
            share = self._share(optimizer, index, group)
            own = group["lr"]
            if isinstance(own, Tensor):
                self._own.append((group, own.clone()))
                own.fill_(rate * share)
            else:
                self._own.append((group, own))
                group["lr"] = rate * share

    def release(self) -> None:
        """Give every group its own learning rate back, as it was before `steer`."""
        while self._own:
            group, own = self._own.pop()
            if isinstance(own, Tensor):
                group["lr"].copy_(own)
            else:
                group["lr"] = own

    def _share(self, optimizer: Any, index: int, group: Mapping[str, Any]) -> float:
        key = (id(optimizer), index)
        if key not in self._shares:
            self._kept.append(optimizer)
            own = _own_rate(optimizer, index, group)
            if self.reference is None and own > 0:
                self.reference = own
            share = own / self.reference if self.reference else 0.0
            self._shares[key] = Group(type(optimizer).__name__, index, share)
        return self._shares[key].share


def momentum_of(optimizer: Any) -> float:
    """Momentum of plain gradient descent; 0 for every other optimiser and for Nesterov's."""
    if type(optimizer).__name__ != "SGD" or any(
        group.get("nesterov") for group in optimizer.param_groups
    ):
        return 0.0
    return max(float(group.get("momentum", 0.0)) for group in optimizer.param_groups)


def _own_rate(optimizer: Any, index: int, group: Mapping[str, Any]) -> float:
    # A schedule with a warm-up may begin at zero: `initial_lr` is what it is relative to.
    rate = group.get("initial_lr", group.get("lr"))
    if isinstance(rate, Tensor):
        return float(rate)
    if isinstance(rate, int | float):
        return float(rate)
    raise UsageError(
        f"Expected a learning rate in every parameter group, but `lr` of group {index} of "
        f"`{type(optimizer).__name__}` is {rate!r}: it chooses its step size by itself, or "
        "under another name, and cannot be swept. Use an optimiser with `lr`."
    )
