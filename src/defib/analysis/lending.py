"""Lends a network, or a copy of it, in a state in which it can be run; it is left as found."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from defib.analysis.example import Inputs
from defib.analysis.model_copy import CopyFailed, borrowed, meta_copy

Lender = Callable[[nn.Module, Inputs], AbstractContextManager[tuple[nn.Module, Inputs]]]
"""Gives a network to run, and inputs that suit it. May raise `CopyFailed`."""


@contextmanager
def without_numbers(network: nn.Module, inputs: Inputs) -> Iterator[tuple[nn.Module, Inputs]]:
    """A copy on the meta device, or the network itself there where it cannot be copied."""
    try:
        copied = meta_copy(network)
    except CopyFailed:
        with borrowed(network) as lent:
            yield lent, inputs.on_meta()
    else:
        yield copied, inputs.on_meta()


@contextmanager
def with_fake_tensors(network: nn.Module, inputs: Inputs) -> Iterator[tuple[nn.Module, Inputs]]:
    """A copy whose tensors say that they are on the processor, but have no numbers."""
    copied = meta_copy(network)
    given = inputs.on_meta()
    with FakeTensorMode(allow_non_fake_inputs=True):
        fakes: dict[int, Tensor] = {}
        for module in copied.modules():
            holders: list[Any] = [module._parameters, module._buffers, vars(module)]
            for tensors in holders:
                for name, tensor in tensors.items():
                    if isinstance(tensor, Tensor) and tensor.is_meta:
                        tensors[name] = fakes.setdefault(id(tensor), _fake(tensor))
        yield copied, given.replaced(_fake)


@contextmanager
def with_numbers(network: nn.Module, inputs: Inputs) -> Iterator[tuple[nn.Module, Inputs]]:
    """A copy on the processor."""
    if any(each.is_meta for each in network.parameters()):
        raise CopyFailed("the network has no numbers: it is on the meta device")
    try:
        copied = copy.deepcopy(network).cpu()
    except Exception as error:  # anything may be an attribute of a user's module
        raise CopyFailed(f"{type(error).__name__}: {error}") from error
    yield copied, inputs.on_processor()


def _fake(tensor: Tensor) -> Tensor:
    """A tensor that says it is on the processor; to be called in the fake mode."""
    fake = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype)
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(fake, requires_grad=tensor.requires_grad)
    return fake.requires_grad_(tensor.requires_grad)
