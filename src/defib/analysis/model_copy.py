"""Copies a network without its numbers: same code and shapes, weights on the meta device."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from defib.discovery.keras_layers import variables_lent


@final
class CopyFailed(Exception):
    """The network holds something that cannot be copied; says what."""


def meta_copy(network: nn.Module) -> nn.Module:
    """A copy whose parameters and buffers are on the meta device; tied tensors stay tied.

    Everything else of the network is deep-copied, so that what its `forward` remembers stays
    in the copy. Raises `CopyFailed` where something in it cannot be copied.
    """
    memo: dict[int, Any] = {}
    _add_meta_tensors(network, memo)
    try:
        return copy.deepcopy(network, memo)
    except Exception as error:  # anything may be an attribute of a user's module
        raise CopyFailed(f"{type(error).__name__}: {error}") from error


def _add_meta_tensors(network: nn.Module, memo: dict[int, Any]) -> None:
    for module in network.modules():
        for each in module._parameters.values():
            if each is not None and id(each) not in memo:
                memo[id(each)] = _meta_parameter(each)
        # Plain attributes too: a tensor kept outside of `register_buffer` has a size as well.
        for value in (*module._buffers.values(), *vars(module).values()):
            if isinstance(value, Tensor) and id(value) not in memo:
                memo[id(value)] = _meta_tensor(value)


def _meta_parameter(parameter: nn.Parameter) -> Tensor:
    if is_lazy(parameter):
        return _lazy_meta_tensor(parameter)
    return nn.Parameter(_meta_tensor(parameter), requires_grad=parameter.requires_grad)


def _meta_tensor(tensor: Tensor) -> Tensor:
    if is_lazy(tensor):
        return _lazy_meta_tensor(tensor)
    # Small integers steer the code (`if self.step == 0:`): they keep their values.
    if not tensor.is_floating_point() and tensor.numel() == 1:
        return tensor.detach().clone()
    return torch.empty_strided(
        tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta"
    ).requires_grad_(tensor.requires_grad and tensor.is_leaf)


def _lazy_meta_tensor(tensor: Any) -> Any:
    """Without a shape still: its layer gives it one at the first call."""
    return type(tensor)(requires_grad=tensor.requires_grad, device="meta", dtype=tensor.data.dtype)


@contextmanager
def borrowed(network: nn.Module) -> Iterator[nn.Module]:
    """The network itself with all attributes of its modules restored afterwards.

    For networks that cannot be copied. Tensors are replaced by meta ones meanwhile, those that
    Keras reads from its own variables by copies.
    """
    before = [(module, _state(module)) for module in network.modules()]
    with variables_lent(network) as copies:
        memo: dict[int, Any] = dict(copies)
        _add_meta_tensors(network, memo)
        try:
            for module, _ in before:
                _replace_tensors(module, memo)
            yield network
        finally:
            for module, state in before:
                vars(module).clear()
                vars(module).update(state)


def _state(module: nn.Module) -> dict[str, Any]:
    # One level deeper for the dictionaries of torch, which a run may change in place.
    return {
        name: copy.copy(value) if isinstance(value, dict) else value
        for name, value in vars(module).items()
    }


def _replace_tensors(module: nn.Module, memo: dict[int, Any]) -> None:
    attributes = vars(module)
    for name in ("_parameters", "_buffers"):
        attributes[name] = {
            key: value if value is None else memo[id(value)]
            for key, value in attributes[name].items()
        }
    for name, value in attributes.items():
        if isinstance(value, Tensor):
            attributes[name] = memo[id(value)]
