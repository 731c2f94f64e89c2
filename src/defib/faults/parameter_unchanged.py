"""A warm-up by an integer division."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, final

from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from defib.faults.base import Fault
from defib.faults.tasks import DIABETES, DIGITS_CONVOLUTIONAL, DIGITS_DENSE, TUMOURS, Task, set_up
from defib.training.loop import training_step
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class ParameterUnchanged(Fault):
    """`step // 1000` as the factor of a group's learning rate: 0 until step 1000, which never
    comes.
    """

    rule = "parameter-unchanged"
    tasks: ClassVar[tuple[Task, ...]] = (DIGITS_DENSE, DIGITS_CONVOLUTIONAL, TUMOURS, DIABETES)

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        return _warmed_up(task, seed, lambda step: step // WARM_UP)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return _warmed_up(task, seed, lambda step: min(1.0, (step + 1) / WARM_UP))


WARM_UP = 1000


def _warmed_up(task: Task, seed: int, factor: Callable[[int], float]) -> TrainingSetup:
    """The head at the full rate, all before it with `factor`."""
    setup = set_up(task, seed)
    [group] = setup.optimizer.param_groups
    *body, weight, bias = group["params"]
    group["params"] = [weight, bias]
    setup.optimizer.add_param_group({"params": body, "lr": group["lr"]})
    schedule = LambdaLR(setup.optimizer, [lambda _: 1.0, factor])

    def step(setup: TrainingSetup, inputs: Tensor, targets: Tensor) -> Tensor:
        loss = training_step(setup, inputs, targets)
        schedule.step()
        return loss

    return replace(setup, name=f"{task.name}-warmed-up", step=step)
