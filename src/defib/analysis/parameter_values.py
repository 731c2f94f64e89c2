"""What the numbers of the parameters have in common: constants, and units that are copies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from defib.records.architecture import ParameterRecord, ParameterValues


def with_values(
    parameters: Iterable[ParameterRecord], network: nn.Module
) -> tuple[ParameterRecord, ...]:
    """The records with what the numbers of `network` say; these are looked at, not changed.

    Takes little time: the first two elements or units of ordinary weights differ already.
    """
    tensors = dict(network.named_parameters(remove_duplicate=False))
    return tuple(
        replace(each, values=_values(tensors[each.name])) if each.name in tensors else each
        for each in parameters
    )


@torch.no_grad()
def _values(tensor: Tensor) -> ParameterValues | None:
    if is_lazy(tensor) or tensor.is_meta or tensor.layout is not torch.strided:
        return None
    if tensor.numel() == 0:
        return None
    first = tensor[(0,) * tensor.dim()]
    is_constant = _is_everywhere(tensor, first)
    return ParameterValues(
        constant=first.item() if is_constant else None,
        are_units_alike=is_constant or _are_slices_alike(tensor, 0),
        are_inputs_alike=is_constant or _are_slices_alike(tensor, 1),
    )


def _is_everywhere(tensor: Tensor, value: Tensor) -> bool:
    # The last element first: almost always it decides.
    last = tensor[(-1,) * tensor.dim()]
    return torch.equal(last, value) and bool((tensor == value).all())


def _are_slices_alike(tensor: Tensor, axis: int) -> bool:
    if tensor.dim() <= axis:
        return False
    first = tensor.select(axis, 0)
    if not torch.equal(first, tensor.select(axis, -1)):
        return False
    return bool((tensor == first.unsqueeze(axis)).all())
