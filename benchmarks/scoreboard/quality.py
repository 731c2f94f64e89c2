"""How well a network does after its training, in a unit that a fault cannot change."""

from __future__ import annotations

import torch
from torch import Tensor

from defib.faults.base import Fault
from defib.faults.tasks import Task
from defib.training.setup import TrainingSetup


def error_of(setup: TrainingSetup, reference: TrainingSetup) -> float | None:
    """The error on validation data of what `setup` trained; `None` without such data.

    Classes: the share of wrong answers, averaged over the classes, by the labels of the
    healthy `reference` where these are of the same examples. Numbers: the mean squared miss
    over the variance of the targets. Outputs that are not finite are worth nothing: 1.
    """
    if setup.validation is None or reference.validation is None:
        return None
    inputs, targets = setup.validation
    healthy_targets = reference.validation[1]
    setup.model.eval()
    with torch.no_grad():
        outputs = setup.model(inputs)
    is_of_classes = not healthy_targets.is_floating_point()
    if is_of_classes or _is_binary(healthy_targets):
        wanted = healthy_targets if len(healthy_targets) == len(outputs) else targets
        return _share_wrong(outputs, wanted)
    return _relative_miss(outputs, targets)


def error_of_fault(setup: TrainingSetup, fault: Fault, task: Task, *, seed: int) -> float | None:
    """As `error_of`, by the twin of `fault`; `None` where the outputs fit no target."""
    try:
        return error_of(setup, fault.healthy(task, seed))
    except (RuntimeError, ValueError, IndexError, TypeError):
        # A fault may change the shape of what the network takes or gives.
        return None


def _is_binary(targets: Tensor) -> bool:
    return targets.shape[1:] == (1,) and bool(((targets == 0) | (targets == 1)).all())


def _share_wrong(outputs: Tensor, targets: Tensor) -> float:
    if not bool(torch.isfinite(outputs).all()):
        return 1.0
    if targets.is_floating_point():
        is_probability = bool((outputs >= 0).all() and (outputs <= 1).all())
        answers = (outputs > (0.5 if is_probability else 0.0)).float()
    else:
        answers = outputs.argmax(dim=1)
    wrong = (answers.reshape(targets.shape) != targets).float()
    shares = [wrong[targets == label].mean() for label in targets.unique()]
    return float(torch.stack(shares).mean())


def _relative_miss(outputs: Tensor, targets: Tensor) -> float:
    targets = targets.reshape(len(targets), -1)
    outputs = outputs.reshape(targets.shape)
    if not bool(torch.isfinite(outputs).all()):
        return 1.0
    variance = ((targets - targets.mean(0)) ** 2).mean()
    return float(((outputs - targets) ** 2).mean() / variance)
