"""A model and the random generators are as they were, whatever happened in between."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


@contextmanager
def left_as_found(model: nn.Module, *, seed: int) -> Iterator[None]:
    """Restore parameters, buffers, modes and random states on leaving, also after an error.

    Within, the random generators start from `seed`. Costs a copy of the model's tensors: a
    forward pass may change not only running statistics but weights too (`max_norm` of an
    embedding, spectral normalisation).
    """
    with _random_states(_devices(model), seed):
        modes = [(module, module.training) for module in model.modules()]
        tables = [(table, dict(table)) for module in model.modules() for table in _tables(module)]
        saved = [
            (tensor, tensor.detach().clone())
            for _, entries in tables
            for tensor in entries.values()
            if tensor is not None
        ]
        try:
            yield
        finally:
            for module, training in modes:
                module.training = training
            for table, entries in tables:
                table.clear()
                table.update(entries)
            for tensor, copy in saved:
                _restore(tensor, copy)


def _tables(module: nn.Module) -> tuple[dict[str, Any], ...]:
    # `Any`: torch types the two differently.
    return module._parameters, module._buffers


@torch.no_grad()
def _restore(tensor: Tensor, saved: Tensor) -> None:
    # Only if needed: writing would fail for an expanded buffer, and count as a change for autograd.
    if not torch.equal(tensor, saved):
        tensor.copy_(saved)


@contextmanager
def _random_states(devices: set[torch.device], seed: int) -> Iterator[None]:
    python_state, numpy_state = random.getstate(), np.random.get_state()
    torch_state = torch.get_rng_state()
    device_states = [(device, _device_state(device)) for device in devices]
    try:
        random.seed(seed)
        np.random.seed(seed % 2**32)
        # Not `torch.manual_seed`: it would also seed devices that are not ours, or not yet in use.
        torch.default_generator.manual_seed(seed)
        for device in devices:
            _seed_device(device, seed)
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
        torch.set_rng_state(torch_state)
        for device, state in device_states:
            _set_device_state(device, state)


# Apple's device has one generator, and its functions take no device.


def _device_state(device: torch.device) -> Tensor:
    if device.type == "mps":
        return torch.mps.get_rng_state()
    return torch.get_device_module(device).get_rng_state(device)


def _set_device_state(device: torch.device, state: Tensor) -> None:
    if device.type == "mps":
        torch.mps.set_rng_state(state)
    else:
        torch.get_device_module(device).set_rng_state(state, device)


def _seed_device(device: torch.device, seed: int) -> None:
    if device.type == "mps":
        torch.mps.manual_seed(seed)
        return
    module = torch.get_device_module(device)
    with module.device(device):
        module.manual_seed(seed)


def _devices(model: nn.Module) -> set[torch.device]:
    tensors = [*model.parameters(), *model.buffers()]
    return {each.device for each in tensors if each.device.type not in ("cpu", "meta")}
