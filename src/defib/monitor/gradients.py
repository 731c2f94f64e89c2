"""Measures gradients and steps: what the optimiser was given and what it did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from defib.discovery.models import Arrange
from defib.metrics.excerpt import excerpt
from defib.metrics.gradient_sign_agreement import gradient_sign_agreement
from defib.metrics.norms import norms
from defib.metrics.unit_spread import unit_spread
from defib.metrics.update_ratio import update_ratios
from defib.metrics.zero_fraction import zero_fraction
from defib.monitor.transfer import Collector

MAXIMUM_COPIED_BYTES = 1 << 30
"""Of parameters copied to measure how far a step moves them; larger models: the first ones."""

SIGN_ENTRIES = 1 << 16
"""Gradient entries whose signs are compared: the first units of a large layer stand for all."""


@final
@dataclass(frozen=True)
class Before:
    """Copies of parameters as they were before a step."""

    names: list[str]
    parameters: list[Tensor]
    copies: list[Tensor]


def local(tensor: Tensor) -> Tensor:
    """The part of a tensor that lies on this rank, dense: nothing here may start a collective."""
    to_local = getattr(tensor, "to_local", None)
    if to_local is not None:
        tensor = to_local()
    # A sparse gradient is measured by the rows that it holds.
    return tensor.coalesce().values() if tensor.is_sparse else tensor


def total_norm(gradients: Sequence[Tensor]) -> Tensor:
    """L2 norm of all gradients together; 0 where there is none."""
    usable = [local(gradient) for gradient in gradients]
    if not usable:
        return torch.zeros(())
    return torch.linalg.vector_norm(norms(usable))


def observe_gradients(
    parameters: Sequence[tuple[str, Tensor]],
    optimizer: str,
    into: Collector,
    arranged: Mapping[str, Arrange],
    factor: float | Tensor | None = None,
) -> Tensor:
    """Gradient and parameter measurements; returns the total gradient norm.

    `arranged` has, for parameters whose first axis is not that of the units, the view in
    which it is. The optimiser is about to multiply the gradients with `factor`.
    """
    names, gradients, values = [], [], []
    for name, parameter in parameters:
        if parameter.grad is not None:
            names.append(name)
            gradients.append(local(parameter.grad).detach())
            values.append(local(parameter.detach()))
    if not names:
        return torch.zeros(())
    gradient_norms = norms(gradients) if factor is None else norms(gradients) * factor
    total = torch.linalg.vector_norm(gradient_norms)
    into.add_all("gradient_norm", names, gradient_norms)
    into.add_all("parameter_norm", names, norms(values))
    into.add("total_gradient_norm", optimizer, total)
    for name, gradient, value in zip(names, gradients, values, strict=True):
        into.add("zero_gradient_fraction", name, zero_fraction(gradient))
        if name in arranged:
            gradient, value = arranged[name](gradient), arranged[name](value)
        if value.ndim >= 2 and value.shape[0] > 1 and value.is_floating_point():
            into.add("unit_spread", name, unit_spread(value))
            units = excerpt(gradient, largest=SIGN_ENTRIES)
            into.add("gradient_sign_agreement", name, gradient_sign_agreement(units))
    return total


def observe_loose(parameters: Sequence[tuple[str, Tensor]], into: Collector) -> None:
    """Norms of parameters that no optimiser holds."""
    if parameters:
        values = [local(parameter.detach()) for _, parameter in parameters]
        into.add_all("loose_parameter_norm", [name for name, _ in parameters], norms(values))


def copy_before(parameters: Sequence[tuple[str, Tensor]]) -> Before:
    """Copies of the parameters that a step is about to move, as far as memory allows."""
    chosen: list[tuple[str, Tensor]] = []
    room = MAXIMUM_COPIED_BYTES
    for name, parameter in parameters:
        room -= parameter.numel() * parameter.element_size()
        if room < 0:
            break
        if parameter.grad is not None:
            chosen.append((name, local(parameter.detach())))
    return Before(
        [name for name, _ in chosen],
        [parameter for _, parameter in chosen],
        [parameter.clone() for _, parameter in chosen],
    )


def observe_step(before: Before, into: Collector) -> None:
    """How far the step moved each parameter."""
    if before.names:
        into.add_all("update_ratio", before.names, update_ratios(before.copies, before.parameters))
