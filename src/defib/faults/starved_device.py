"""Examples that are decompressed anew for each batch."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import ClassVar, final

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from defib.datasets.bundled import Split
from defib.faults.base import Fault
from defib.faults.tasks import (
    DIGITS_CENTERS,
    DIGITS_CONVOLUTIONAL,
    DIGITS_DENSE,
    WAVES,
    Task,
    set_up,
)
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class StarvedDevice(Fault):
    """Everything is read from the archive in `__getitem__`, in the process that trains."""

    rule = "starved-device"
    tasks: ClassVar[tuple[Task, ...]] = (
        DIGITS_DENSE,
        DIGITS_CONVOLUTIONAL,
        DIGITS_CENTERS,
        WAVES,
    )

    def broken(self, task: Task, seed: int) -> TrainingSetup:
        setup, split = set_up(task, seed), task.data()
        loader = DataLoader(_Archive(split), batch_size=task.batch_size, shuffle=True)
        return replace(setup, batches=lambda _: loader, steps=STEPS)

    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        return set_up(task, seed)


STEPS = 40
PADDING = 1 << 21
"""Bytes that are decompressed with each example, a photograph's. It takes about 3 ms, so that a
batch waits for five times the limit of the rule."""


class _Archive(Dataset[tuple[Tensor, Tensor]]):
    """Compressed images, as they lie in a file."""

    def __init__(self, split: Split) -> None:
        self.targets = split.targets
        self.shape = split.inputs.shape[1:]
        self.packed = [zlib.compress(_bytes_of(image)) for image in split.inputs]
        # The rest of the picture, the same for all: packing it for each would take long.
        self.rest = zlib.compress(bytes(PADDING), level=1)

    def __len__(self) -> int:
        return len(self.packed)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        data = zlib.decompress(self.packed[index])
        zlib.decompress(self.rest)
        image = torch.frombuffer(bytearray(data), dtype=torch.float32).reshape(self.shape)
        return image, self.targets[index]


def _bytes_of(image: Tensor) -> bytes:
    return image.contiguous().numpy().tobytes()
