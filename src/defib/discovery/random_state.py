"""The global random state of torch, NumPy and Python."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from torch import Tensor


@final
@dataclass(frozen=True)
class RandomState:
    """A snapshot; `devices` holds a state for each CUDA device in use."""

    torch: Tensor
    devices: tuple[Tensor, ...]
    numpy: dict[str, Any]
    python: tuple[Any, ...]


def random_state() -> RandomState:
    """The state now. No device is initialised for it."""
    is_cuda = torch.cuda.is_available() and torch.cuda.is_initialized()
    return RandomState(
        torch.get_rng_state(),
        tuple(torch.cuda.get_rng_state_all()) if is_cuda else (),
        np.random.get_state(legacy=False),  # pyright: ignore[reportArgumentType]
        random.getstate(),
    )


def restore(state: RandomState) -> None:
    """Go back to a snapshot."""
    torch.set_rng_state(state.torch)
    if state.devices:
        torch.cuda.set_rng_state_all(list(state.devices))
    np.random.set_state(state.numpy)
    random.setstate(state.python)


@contextmanager
def randomness_restored() -> Iterator[None]:
    """Whatever is drawn inside, it is as if nothing had been drawn."""
    state = random_state()
    try:
        yield
    finally:
        restore(state)
