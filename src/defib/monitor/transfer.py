"""Brings measured numbers to the host: the only place that waits for a device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from defib.metrics.moments import Moments
from defib.records.storage import Key


@final
class Collector:
    """The measurements of one sampled step, kept on their devices until `read`.

    With `steps`, those of so many steps: tensors have an axis of steps before all others.
    """

    def __init__(self, steps: int | None = None) -> None:
        self._shape = () if steps is None else (steps,)
        self._single_keys: list[Key] = []
        self._singles: list[Tensor] = []
        self._keys: list[Key] = []
        self._vectors: list[Tensor] = []
        self._known_keys: list[Key] = []
        self._known: list[float] = []

    def add(self, metric: str, subject: str, value: Tensor | float) -> None:
        """One number; a tensor has one element."""
        if isinstance(value, Tensor):
            self._single_keys.append((metric, subject))
            is_plain = value.ndim == len(self._shape)
            self._singles.append(value if is_plain else value.reshape(self._shape))
        else:
            self._known_keys.append((metric, subject))
            self._known.append(value)

    def add_all(self, metric: str, subjects: Sequence[str], values: Tensor) -> None:
        """A vector with one number for each subject."""
        if subjects:
            self._keys += [(metric, subject) for subject in subjects]
            is_plain = values.ndim == len(self._shape) + 1
            self._vectors.append(values if is_plain else values.reshape(*self._shape, -1))

    def add_moments(self, what: str, subject: str, found: Moments) -> None:
        """`<what>_mean` and `<what>_std`."""
        self.add(f"{what}_mean", subject, found.mean)
        self.add(f"{what}_std", subject, found.deviation)

    def read(self) -> tuple[tuple[Key, ...], list[float]]:
        """Keys and values of one step, in one copy for each device."""
        return self._read_keys(), [*self._known, *_on_host(self._singles, self._vectors)]

    def read_steps(self) -> tuple[tuple[Key, ...], list[list[float]]]:
        """Keys, and the values of each of the steps; nothing where no tensor was added."""
        found = _on_host(self._singles, self._vectors)
        return self._read_keys(), [[*self._known, *each] for each in found]

    def _read_keys(self) -> tuple[Key, ...]:
        return (*self._known_keys, *self._single_keys, *self._keys)


def _on_host(singles: Sequence[Tensor], vectors: Sequence[Tensor]) -> list[Any]:
    """The last axis of what comes back has all singles and entries of vectors."""
    everything = [*singles, *vectors]
    if not everything:
        return []
    if len({each.device for each in everything}) > 1:
        host = torch.device("cpu")
        singles, vectors = ([each.to(host) for each in part] for part in (singles, vectors))
    # Stacked first: a kernel for each number would cost as much as the measuring.
    parts = [torch.stack([*map(_single_precision, singles)], dim=-1)] if singles else []
    return torch.cat([*parts, *map(_single_precision, vectors)], dim=-1).tolist()


def _single_precision(tensor: Tensor) -> Tensor:
    # Nearly all are: asked here, for a microsecond less than `float` takes to find out.
    return tensor if tensor.dtype is torch.float32 else tensor.float()


@final
class LossBuffer:
    """The losses of recent steps; on an accelerator they stay there until `read`."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self._values: list[float | Tensor] = []

    def __len__(self) -> int:
        return len(self.steps)

    def add(self, step: int, *values: float | Tensor) -> None:
        """The losses of `step` and the steps after it."""
        self.steps += range(step, step + len(values))
        self._values += values

    def read(self) -> tuple[list[int], list[float]]:
        """Steps and losses so far; the buffer is empty afterwards."""
        steps, values = self.steps, self._values
        self.steps, self._values = [], []
        waiting = [value for value in values if isinstance(value, Tensor)]
        if not waiting:
            return steps, values  # pyright: ignore[reportReturnType]
        ready = iter(torch.stack(waiting).tolist())
        return steps, [next(ready) if isinstance(each, Tensor) else each for each in values]


def loss_value(loss: Tensor) -> float | Tensor:
    """The loss as a number where that needs no waiting (CPU), else a detached scalar.

    A loss with several elements counts as their mean.
    """
    loss = loss.detach()
    if loss.numel() != 1:
        loss = loss.float().mean()
    if loss.device.type == "cpu":
        return loss.item()
    return loss.float().reshape(())


def is_true(flag: Tensor) -> bool:
    """A flag on any device, as a Python value."""
    return bool(flag.item())


def arrays(tensors: Sequence[Tensor]) -> list[np.ndarray]:
    """Some vectors of one type as arrays, in one copy where they are all on one device."""
    devices = {each.device for each in tensors}
    together = torch.cat([each.cpu() if len(devices) > 1 else each for each in tensors])
    ends = np.cumsum([len(each) for each in tensors])
    return np.split(together.cpu().numpy(), ends[:-1])
