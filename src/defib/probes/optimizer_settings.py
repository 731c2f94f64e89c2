"""Settings of the optimisers, group by group, and what their weight decay does by itself."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn

from defib.probes.base import Probe
from defib.probes.measurements import CannotMeasure, Measurements
from defib.probes.setup import Setup

NORMALIZATIONS = (
    nn.modules.batchnorm._BatchNorm,
    nn.modules.instancenorm._InstanceNorm,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
)


@final
class OptimizerSettings(Probe):
    """Every parameter group of every optimiser of torch; the subject is `Adam[0]`.

    `group_momentum`, `group_beta1`, `group_beta2`, `group_epsilon`, `group_weight_decay`: as set.
    `decay_pull`: how far one step with a gradient of zero moves a weight of 1 on a copy of the
    optimiser, over learning rate times weight decay (dimensionless): 1 for SGD and AdamW, and
    about 1 / weight decay where the decay enters the gradient that Adam divides by its own size.
    `decayed_scales`: elements of normalisation layers in a group with weight decay, and
    `decayed_elements` all of the group. `foreign_parameters`: tensors of the group that belong
    to no network of this training and that its loss does not reach, of `group_parameters`.
    """

    measures = ("group_weight_decay", "decay_pull", "foreign_parameters", "group_epsilon")
    order: ClassVar[int] = 5

    def measure(self, setup: Setup, into: Measurements) -> None:
        groups = {
            f"{name}[{number}]": (optimizer, group)
            for name, optimizer in setup.optimizers.items()
            if isinstance(optimizer, torch.optim.Optimizer)
            for number, group in enumerate(optimizer.param_groups)
        }
        if not groups:
            raise CannotMeasure("no optimizer of torch holds the parameters")
        if not any("eps" in group for _, group in groups.values()):
            into.leave_out(["group_epsilon"], "the optimizer has no epsilon")
        own = _own_parameters(setup)
        scales = _normalization_parameters(setup.network)
        for subject, (optimizer, group) in groups.items():
            _add_settings(subject, group, into)
            into.single.add("decay_pull", subject, _decay_pull(optimizer, group))
            held: list[Tensor] = group["params"]
            foreign = sum(id(each) not in own for each in held)
            into.single.add("foreign_parameters", subject, float(foreign))
            into.single.add("group_parameters", subject, float(len(held)))
            if group.get("weight_decay"):
                decayed = _size(each for each in held if id(each) in scales)
                into.single.add("decayed_scales", subject, decayed)
                into.single.add("decayed_elements", subject, _size(held))


def _add_settings(subject: str, group: Mapping[str, Any], into: Measurements) -> None:
    betas = group.get("betas") or (None, None)
    settings = {
        "group_momentum": group.get("momentum"),
        "group_beta1": betas[0],
        "group_beta2": betas[1] if len(betas) > 1 else None,
        "group_epsilon": group.get("eps"),
        "group_weight_decay": group.get("weight_decay"),
    }
    for metric, value in settings.items():
        if value is not None and not isinstance(value, bool | tuple):
            into.single.add(metric, subject, torch.as_tensor(float(value)))


def _own_parameters(setup: Setup) -> set[int]:
    modules = [setup.network, *(each.owner for each in setup.parameters if each.owner)]
    return setup.graph.reached | {id(each) for module in modules for each in module.parameters()}


def _normalization_parameters(network: nn.Module) -> set[int]:
    return {
        id(parameter)
        for module in network.modules()
        if isinstance(module, NORMALIZATIONS)
        for parameter in module.parameters(recurse=False)
    }


def _size(tensors: Iterable[Tensor]) -> float:
    return float(sum(each.numel() for each in tensors))


def _decay_pull(optimizer: torch.optim.Optimizer, group: Mapping[str, Any]) -> Tensor:
    """Not a number where there is no decay, or where the optimiser cannot be tried."""
    rate, decay = float(group.get("lr", 0)), float(group.get("weight_decay") or 0)
    if rate <= 0 or decay <= 0 or isinstance(optimizer, torch.optim.LBFGS):
        return torch.tensor(torch.nan)
    weight = nn.Parameter(torch.ones(1))
    settings = {key: copy.deepcopy(each) for key, each in group.items() if key != "params"}
    try:
        make: Any = type(optimizer)
        tried = make([{**settings, "params": [weight]}], lr=rate)
        weight.grad = torch.zeros(1)
        tried.step()
    except Exception:  # an optimiser of the user's with a constructor of its own
        return torch.tensor(torch.nan)
    return (1 - weight.detach()) / (rate * decay)
