"""A schedule as a torch scheduler, which sets the learning rate of an optimiser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from defib.errors import UsageError
from defib.schedules.base import Parameter, Quantity, Schedule
from defib.schedules.warm_up import WarmUp

_MOMENTUM = "momentum"


@final
class ScheduledLearningRate(LRScheduler):
    """Sets the learning rate of each parameter group to what a schedule plans.

    `schedule` is one for all groups, or one for each group. Call `step` once after each
    `optimizer.step()`: schedules count optimiser steps, never epochs. It never raises at the
    end of the plan, where a schedule goes on with its last value. Momentum is left alone
    unless `momentum` is a schedule: it then sets `momentum`, or the first of `betas`.
    `first_step` is where the plan begins, for a training that goes on with a new plan.

    Raises `UsageError` where the schedules do not fit the groups.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedule: Schedule | Sequence[Schedule],
        *,
        momentum: Schedule | None = None,
        first_step: int = 0,
    ) -> None:
        self._schedules = (schedule,) if isinstance(schedule, Schedule) else tuple(schedule)
        self._momentum = momentum
        self.planned_steps = _planned_steps(self._schedules[0]) if self._schedules else None
        """Steps after which the plan of the first group is over; `None` for one without end."""
        _check(optimizer, self._schedules, momentum)
        for group in optimizer.param_groups:
            # What torch asks of an optimiser whose scheduler does not begin at 0.
            group.setdefault("initial_lr", group["lr"])
        super().__init__(optimizer, first_step - 1)

    def get_lr(self) -> list[Any]:  # torch: floats, or tensors
        """The planned learning rate of each group at the present step."""
        return [each.at(self.last_epoch) for each in self._of_each_group()]

    def step(self, epoch: int | None = None) -> None:
        """Set the values of the next step."""
        super().step(epoch)
        if self._momentum is not None:
            value = self._momentum.at(self.last_epoch)
            for group in self.optimizer.param_groups:
                _set_momentum(group, value)

    def state_dict(self) -> dict[str, Any]:
        """The present step and the parameters of the plan, as plain values."""
        return {
            "last_epoch": self.last_epoch,
            "_step_count": self._step_count,
            "_last_lr": [float(rate) for rate in self._last_lr],
            "plan": self._plan(),
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on at the step of `state_dict`.

        Raises `UsageError`, and changes nothing, where its plan is another than this one's.
        """
        planned, saved = self._plan(), state_dict.get("plan")
        if saved != planned:
            raise UsageError(
                "The checkpoint was written under another learning-rate schedule: "
                f"{'; '.join(_differences(saved, planned))}. Resume with the schedule of the "
                "checkpoint, or go on with the new one on purpose: "
                f"`ScheduledLearningRate(..., first_step={state_dict.get('last_epoch', 0)})` "
                "without loading this state."
            )
        self.last_epoch = state_dict["last_epoch"]
        self._step_count = state_dict["_step_count"]
        self._last_lr = list(state_dict["_last_lr"])

    def _of_each_group(self) -> tuple[Schedule, ...]:
        """Groups that were added later follow the only schedule too."""
        count = len(self.optimizer.param_groups)
        return self._schedules * count if len(self._schedules) == 1 else self._schedules

    def _plan(self) -> dict[str, dict[str, Parameter]]:
        plan = {f"group {i}": each.parameters() for i, each in enumerate(self._schedules)}
        if self._momentum is not None:
            plan[_MOMENTUM] = self._momentum.parameters()
        return plan


def _planned_steps(schedule: Schedule) -> int | None:
    last = schedule.then if isinstance(schedule, WarmUp) else schedule
    return schedule.extent if last.has_end else None


def _check(optimizer: Optimizer, schedules: Sequence[Schedule], momentum: Schedule | None) -> None:
    groups = optimizer.param_groups
    if len(schedules) not in (1, len(groups)):
        raise UsageError(
            f"The optimizer has {len(groups)} parameter groups, and {len(schedules)} schedules "
            "came. Pass one for all of them, or one for each."
        )
    rates = {float(group["lr"]) for group in groups}
    if len(schedules) == 1 and len(rates) > 1:
        raise UsageError(
            f"The parameter groups have the learning rates {', '.join(f'{r:g}' for r in rates)}, "
            "and one schedule would make them equal. Pass one schedule for each group."
        )
    for schedule in schedules:
        if schedule.quantity is not Quantity.LEARNING_RATE:
            raise UsageError(
                f"{schedule.name()} plans a {schedule.quantity.value} and no learning rate."
            )
    if momentum is not None and not all(_MOMENTUM in group or "betas" in group for group in groups):
        raise UsageError(
            f"{type(optimizer).__name__} has no momentum that a schedule could set: its groups "
            "have neither `momentum` nor `betas`."
        )


def _set_momentum(group: dict[str, Any], value: float) -> None:
    if _MOMENTUM in group:
        group[_MOMENTUM] = value
    else:
        group["betas"] = (value, *group["betas"][1:])


def _differences(saved: Any, planned: Mapping[str, Mapping[str, Parameter]]) -> list[str]:
    if not isinstance(saved, Mapping):
        return ["it holds no plan, so it is another scheduler's state"]
    found: list[str] = []
    for part in sorted({*saved, *planned}):
        before, now = saved.get(part, {}), planned.get(part, {})
        found += [
            f"{key} of {part} was {before.get(key, 'not there')} and is now "
            f"{now.get(key, 'not there')}"
            for key in sorted({*before, *now})
            if (key in before, before.get(key)) != (key in now, now.get(key))
        ]
    return found
