"""A longer training."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, final

from torch.utils.data import DataLoader

from defib.discovery.patches import definer
from defib.fixes.length_fix import LengthFix, Lengths, in_epochs
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord
from defib.rules.learning_rate import learning_rates

_NO_LOADER = (
    "no data loader of torch was gone through to its end while a network was trained, and `fit` of "
    "Keras was not called"
)
USUAL = 1.5
"""So much longer, four seeds cost six times the watched run; twice as long, only three would be
within that, which seldom decide."""
SAME_RATE = 0.01
"""By how much learning rates may differ, relative to the largest, and be one rate."""


@final
@dataclass(frozen=True)
class MoreEpochs(LengthFix):
    """A longer training: more passes over the data.

    ## What it changes
    A `DataLoader` whose batches a network is trained on begins anew when it has come to its end,
    so that each epoch of the script has several passes; `fit` of Keras gets more epochs. How
    often the script evaluates, and steps its schedule, stays as it is: once an epoch.

    ## When it helps
    Where the loss still falls when the training ends.

    ## Its value
    Without one, half as many epochs again: every other one has two passes.

    ## How it is judged
    The first steps of the longer training are the training as it is: their end is compared with
    its end, by the script's own evaluation, or by the training loss where there is none. That
    holds only with one learning rate: a schedule would be another one from the first step on.

    ## What it cannot do
    Lengthen a loop that counts its steps, or takes its batches from something else than a
    `DataLoader`. A schedule that steps with each batch may refuse, or begin anew.
    """

    meaning: ClassVar[str] = "epochs of the longer training over those of the script, above 1"
    counts_training_loss: ClassVar[bool] = True
    verdict_of_no_effect: ClassVar[str] = "the further steps bring nothing"

    @property
    def factor(self) -> float:
        return max(self.value or USUAL, 1.0)

    def connect(self, training: LiveTraining) -> None:
        training.missing = _NO_LOADER
        _Passes(training, self.factor).connect()

    def lengths(self, watched: int, planned: int) -> Lengths:
        del planned
        return Lengths(watched, round(self.factor * watched))

    def candidates(self, record: RunRecord, finding: Finding) -> tuple[MoreEpochs, ...]:
        del record, finding
        return (MoreEpochs(USUAL),)

    def obstacle(self, record: RunRecord, finding: Finding) -> str:
        del finding
        if not record.loaders and "keras" not in record.versions:
            return _NO_LOADER
        for optimizer in (each.name for each in record.optimizers):
            rates = learning_rates(record, optimizer).values
            if len(rates) and rates.max() - rates.min() > SAME_RATE * rates.max():
                return (
                    "the learning rate follows a schedule, and a longer training would be another "
                    "one from its first step"
                )
        return ""

    def change(self, record: RunRecord, finding: Finding) -> str:
        del finding
        steps = round(self.factor * record.steps)
        return f"train for {in_epochs(steps, record)} instead of {record.steps:,} steps"


@final
class _Passes:
    """Has every epoch last `factor` passes."""

    def __init__(self, training: LiveTraining, factor: float) -> None:
        self._training = training
        self._factor = factor
        self._is_fitting = False
        self._epochs: dict[int, int] = {}
        self._kept: list[object] = []

    def connect(self) -> None:
        self._training.replace_function(DataLoader, "__iter__", self._wrap_iteration)
        self._training.keras.on_import(
            lambda keras: self._training.replace_function(
                definer(keras.Model, "fit"), "fit", self._wrap_fit
            )
        )

    def _wrap_iteration(self, original: Callable[[Any], Iterator[Any]]) -> Any:
        def __iter__(loader: Any) -> Iterator[Any]:  # noqa: N807
            first = original(loader)
            return first if self._is_fitting else self._several(loader, first, original)

        return __iter__

    def _several(
        self, loader: Any, first: Iterator[Any], original: Callable[[Any], Iterator[Any]]
    ) -> Iterator[Any]:
        before = self._training.steps
        yield from first
        if self._training.steps == before:
            return  # An evaluation, or the reading of a data set.
        for _ in range(self._further_passes(loader)):
            self._training.did("another pass over the data loader")
            yield from original(loader)

    def _further_passes(self, loader: Any) -> int:
        if id(loader) not in self._epochs:
            self._kept.append(loader)  # An identity must not be given to another loader.
        number = self._epochs.get(id(loader), 0)
        self._epochs[id(loader)] = number + 1
        return math.ceil((number + 1) * self._factor) - math.ceil(number * self._factor) - 1

    def _wrap_fit(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def fit(
            model: Any, x: Any = None, y: Any = None, batch_size: Any = None, epochs: int = 1,
            *arguments: Any, **keywords: Any,
        ) -> Any:  # fmt: skip
            # `initial_epoch` is the one that they go on from; by position it is the eighth.
            begun = int(keywords.get("initial_epoch", 0))
            longer = begun + math.ceil(self._factor * (epochs - begun))
            self._training.did(f"`fit` of {longer:,} epochs instead of {epochs:,}")
            self._is_fitting = True
            try:
                return original(model, x, y, batch_size, longer, *arguments, **keywords)
            finally:
                self._is_fitting = False

        return fit
