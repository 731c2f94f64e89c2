"""Remembers by their fingerprints which examples a training and its evaluations have seen.

Memory is bounded: 8 bytes for each of at most `MAXIMUM_TRAINING` examples of the training, and of
`BATCHES_OF_PLACE` batches for each of at most `MAXIMUM_PLACES` places that evaluate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from defib.metrics.example_fingerprints import example_fingerprints
from defib.monitor.transfer import arrays

MAXIMUM_TRAINING = 1 << 16
"""Examples of the training that are remembered: half a megabyte."""
MAXIMUM_PLACES = 8
"""Places that evaluate."""
BATCHES_OF_PLACE = 32
"""Batches of a place that are remembered: those of its first pass, evenly spaced."""
TRAINING_WORDS = 1 << 12
"""Words of 8 bytes of a batch that are read on a CPU, 10 of 32 images of 28 x 28: a copy of them
takes 10 us, all of them would take 0.2 ms."""
EVALUATION_WORDS = 1 << 17
"""The same of a batch of an evaluation, 0.5 ms, which is read once."""
LARGEST_WORDS = 1 << 15
"""Of one example alone: where it has more than is read of a batch, it is read all the same."""
DEVICE_WORDS = 1 << 22
"""The same on an accelerator, which reads them in 0.1 ms beside the training."""
TOGETHER_BYTES = 1 << 18
"""What is read of a batch is copied, and read with that of others: a third of the time."""
WORD_BYTES = 8
WRITTEN_AGAIN = 1.5
"""Growth of the examples known of the training from which on the numbers are written anew."""


def fingerprints_of(inputs: Tensor, words: int, turn: int) -> Tensor | None:
    """Of evenly spaced examples of a batch, no more than `words` words allow: others each turn.

    On an accelerator the result stays there. `None` where one example alone has too many words.
    """
    chosen = _excerpt(inputs, words, turn)
    return None if chosen is None else example_fingerprints(chosen)


def _excerpt(inputs: Tensor, words: int, turn: int) -> Tensor | None:
    words = words if inputs.device.type == "cpu" else max(words, DEVICE_WORDS)
    bytes_of_one = inputs.numel() // len(inputs) * inputs.element_size()
    rows = words * WORD_BYTES // max(bytes_of_one, 1)
    if rows == 0 and bytes_of_one > LARGEST_WORDS * WORD_BYTES:
        return None
    stride = -(-len(inputs) // max(rows, 1))
    return inputs if stride == 1 else inputs.detach()[turn % stride :: stride]


@final
@dataclass(frozen=True)
class Overlap:
    """What a place that evaluates has in common with the training: metrics of the record."""

    shared_examples: float
    """Share, in [0, 1], of `compared_examples` that are also among `training_examples`."""
    compared_examples: float
    """Examples of the evaluation that are known, equal ones counted each."""
    passed_examples: float
    """Examples of the pass from which they are."""
    training_examples: float
    """Different examples of the training that are known."""
    evaluated_training_examples: float
    """Share of `training_examples` that are among the compared ones."""
    known_training_examples: float
    """Share of the latest quarter of the training's batches whose examples were known before."""
    latest_training_examples: float
    """Examples in that quarter."""
    equal_pairs: float
    """Pairs of equal examples within the pass."""
    looked_at_pairs: float
    """Pairs among which these are, with those of the training before its first repeated one."""


def overlap(
    training: Sequence[np.ndarray], evaluation: Sequence[np.ndarray], passed: int
) -> Overlap:
    """Of batches of fingerprints, in the order in which they passed; both have some.

    `passed` examples were in the pass from which the batches of the evaluation are.
    """
    drawn, seen = np.concatenate(training), np.concatenate(evaluation)
    known, counts = np.unique(drawn), np.unique(seen, return_counts=True)[1]
    latest = training[-(-len(training) * 3 // 4) :]
    before = np.concatenate(training[: len(training) - len(latest)] or [drawn[:0]])
    recent = np.concatenate(latest or [drawn[:0]])
    first = _before_first_repetition(drawn)
    return Overlap(
        shared_examples=float(np.isin(seen, known).mean()),
        compared_examples=len(seen),
        passed_examples=passed,
        training_examples=len(known),
        evaluated_training_examples=float(np.isin(known, seen).mean()),
        known_training_examples=float(np.isin(recent, before).mean()) if len(recent) else 0.0,
        latest_training_examples=len(recent),
        equal_pairs=float((counts * (counts - 1) // 2).sum()),
        looked_at_pairs=_pairs(len(seen)) + _pairs(first),
    )


def _before_first_repetition(drawn: np.ndarray) -> int:
    """How many examples came before one that was there already: no two of them are equal."""
    places = np.unique(drawn, return_index=True)[1]
    is_new = np.zeros(len(drawn), dtype=bool)
    is_new[places] = True
    return len(drawn) if is_new.all() else int(is_new.argmin())


def _pairs(count: int) -> float:
    return count * (count - 1) / 2


@final
class _Pass:
    """The first pass of a place: every batch, then every second, fourth, ... of them."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.examples = 0
        self.batches: list[Tensor] = []
        self._interval = 1
        self._count = 0

    @property
    def wants_next(self) -> bool:
        """Whether the next batch is one of those that are remembered."""
        return self._count % self._interval == 0

    def add(self, fingerprints: Tensor | None, examples: int) -> None:
        """The next batch; what is not wanted of it is only counted."""
        if self.wants_next and fingerprints is not None:
            self.batches.append(fingerprints)
        self._count += 1
        self.examples += examples
        if len(self.batches) > BATCHES_OF_PLACE:
            self.batches = self.batches[::2]
            self._interval *= 2


@final
class Examples:
    """Fingerprints of one network's training and of the first pass of each place that evaluates."""

    def __init__(self) -> None:
        self._training: list[Tensor] = []
        self._waiting: list[Tensor] = []
        self._turn = 0
        self._count = 0
        self._passes: dict[str, _Pass] = {}
        self._written = 0
        self._is_new = False

    @property
    def is_full(self) -> bool:
        """Whether no more examples of the training are taken."""
        return self._count >= MAXIMUM_TRAINING

    def wants(self, label: str, step: int) -> bool:
        """Whether the next batch of a place is to be looked at; `step` tells its passes apart."""
        known = self._passes.get(label)
        if known is None:
            return len(self._passes) < MAXIMUM_PLACES
        return known.step == step and known.wants_next

    def is_over(self, label: str, step: int) -> bool:
        """Whether all is known of a place that will be."""
        known = self._passes.get(label)
        return len(self._passes) >= MAXIMUM_PLACES if known is None else known.step != step

    def trained(self, inputs: Tensor) -> None:
        """The network was trained on this batch."""
        chosen = _excerpt(inputs, TRAINING_WORDS, self._turn)
        if chosen is None or self.is_full:
            return
        self._turn += 1
        self._count += len(chosen)
        if self._waiting and not _are_alike(self._waiting[0], chosen):
            self._read_waiting()
        if chosen.nbytes > TOGETHER_BYTES:
            self._read_waiting()
            self._training.append(example_fingerprints(chosen))
            return
        # A copy: whoever makes the batches may use their memory again.
        self._waiting.append(chosen.detach().clone())
        if len(self._waiting) * chosen.nbytes > TOGETHER_BYTES:
            self._read_waiting()

    def _read_waiting(self) -> None:
        if self._waiting:
            self._training.append(example_fingerprints(torch.cat(self._waiting)))
            self._waiting = []

    def evaluated(self, label: str, fingerprints: Tensor | None, examples: int, step: int) -> None:
        """The next batch of a place; without fingerprints where it was not looked at."""
        if self.is_over(label, step):
            return
        self._passes.setdefault(label, _Pass(step)).add(fingerprints, examples)
        self._is_new = True

    def overlaps(self, *, is_last: bool = False) -> Iterator[tuple[str, Overlap]]:
        """Of each place, where there is something new to tell."""
        is_grown = self._count > (1 if is_last else WRITTEN_AGAIN) * self._written
        if not self._count or not (self._is_new or is_grown):
            return
        self._read_waiting()
        self._is_new, self._written = False, self._count
        training = arrays(self._training)
        for label, known in self._passes.items():
            if known.batches:
                yield label, overlap(training, arrays(known.batches), known.examples)


def _are_alike(one: Tensor, other: Tensor) -> bool:
    return one.shape[1:] == other.shape[1:] and (one.dtype, one.device) == (
        other.dtype,
        other.device,
    )
