"""Learning-rate range tests from Python: a notebook cell or a script of one's own."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, final

import torch
from rich.console import Console
from torch import Tensor, nn
from torch.optim import Optimizer

from defib.errors import UsageError
from defib.records.learning_rate_range import (
    CandidateRange,
    LearningRateRange,
    Mark,
    Verdict,
)
from defib.report.lr_range_json import range_as_json
from defib.report.lr_range_picture import save_range_picture
from defib.report.lr_range_text import print_candidates, print_range
from defib.training.lr_candidates import measure_candidates
from defib.training.lr_range_test import BatchLoss, RangeTraining, measure_range
from defib.training.range_options import RangeOptions

WIDTH = 100
"""Characters of a line."""

Loss = Callable[..., Tensor]
"""Called with outputs and targets."""


def lr_range_test(
    model: nn.Module,
    optimizer: Optimizer,
    loss: Loss,
    loader: Iterable[Any],
    *,
    start: float = 1e-6,
    end: float = 10.0,
    steps: int = 700,
    accumulation: int = 1,
    scaler: torch.amp.GradScaler | None = None,
    batch_loss: BatchLoss | None = None,
) -> RangeTest:
    """The learning rates with which `model` trains, from a sweep of `steps` optimiser steps.

    A batch of `loader` is a pair of inputs and targets, and its loss `loss(model(inputs),
    targets)`; `batch_loss(batch)` gives it for batches of another kind. Each step takes
    `accumulation` batches; a loader that is shorter begins anew. Parameter groups keep their
    proportion. Model, optimiser, buffers, gradients, scaler and random state are restored bit
    for bit, whatever happens; a learning-rate schedule is not stepped.

        test = defib.lr_range_test(model, optimizer, loss, loader)
        print(test)              # verdict, marks, spread
        test.suggestion          # a number, or `None` where there is none to be had
    """
    options = RangeOptions(start=start, end=end, steps=steps, accumulation=accumulation)
    training = _training(model, optimizer, loss, loader, scaler=scaler, batch_loss=batch_loss)
    return RangeTest(measure_range(training, options))


def lr_candidate_test(
    model: nn.Module,
    optimizer: Optimizer,
    loss: Loss,
    loader: Iterable[Any],
    *,
    candidates: Sequence[float],
    epochs: int = 1,
    accumulation: int = 1,
    scaler: torch.amp.GradScaler | None = None,
    batch_loss: BatchLoss | None = None,
) -> CandidateTest:
    """Loss against learning rate, from `epochs` of training with each of `candidates`.

    Every candidate starts from the same weights and random state, and all is restored; see
    `lr_range_test`.
    """
    training = _training(model, optimizer, loss, loader, scaler=scaler, batch_loss=batch_loss)
    return CandidateTest(
        measure_candidates(training, candidates, epochs=epochs, accumulation=accumulation)
    )


@final
class RangeTest:
    """A range test: its record, and ways to show it."""

    def __init__(self, result: LearningRateRange) -> None:
        self.result = result

    @property
    def verdict(self) -> Verdict:
        return self.result.verdict

    @property
    def suggestion(self) -> float | None:
        """With which to begin: a third of the way from `steepest` to half of `largest_stable`."""
        return _value(self.result.suggestion)

    @property
    def conservative(self) -> float | None:
        """The lower end of the interval to choose from; `None` where no number may be used."""
        return _value(self.result.conservative)

    @property
    def steepest(self) -> float | None:
        """Where the loss falls most per decade."""
        return _value(self.result.steepest)

    @property
    def largest_stable(self) -> float | None:
        """The upper end; `None` as well where the loss never rose."""
        return _value(self.result.largest_stable)

    def as_json(self) -> dict[str, Any]:
        """What `defib lr-range --json` prints."""
        return range_as_json(self.result)

    def picture(self, path: Path | str) -> Path:
        """Draw losses, marks and other tools' rules into `path`, a .png, .svg or .pdf."""
        save_range_picture(Path(path), self.result)
        return Path(path)

    def __str__(self) -> str:
        return _printed(lambda console: print_range(self.result, console))

    def _repr_html_(self) -> str:
        return _as_html(str(self))


@final
class CandidateTest:
    """Trainings with several learning rates: their record, and ways to show it."""

    def __init__(self, result: CandidateRange) -> None:
        self.result = result

    def __str__(self) -> str:
        return _printed(lambda console: print_candidates(self.result, console))

    def _repr_html_(self) -> str:
        return _as_html(str(self))


def _training(
    model: nn.Module,
    optimizer: Optimizer,
    loss: Loss,
    loader: Iterable[Any],
    *,
    scaler: torch.amp.GradScaler | None,
    batch_loss: BatchLoss | None,
) -> RangeTraining:
    own = {id(each) for group in optimizer.param_groups for each in group["params"]}
    if not any(id(each) in own for each in model.parameters()):
        raise UsageError(
            f"`{type(optimizer).__name__}` holds no parameter of `{type(model).__name__}`: make "
            "it with `model.parameters()`, after the model was moved to its device."
        )
    device = next(iter(model.parameters())).device

    def of_pair(batch: Any) -> Tensor:
        if not isinstance(batch, Sequence) or len(batch) != 2:
            raise UsageError(
                f"Expected batches of inputs and targets, but the loader gives "
                f"`{type(batch).__name__}`. Say with `batch_loss=` how its loss is computed."
            )
        inputs, targets = (_moved(each, device) for each in batch)
        return loss(model(inputs), targets)

    return RangeTraining(
        model, optimizer, batch_loss or of_pair, loader, scaler=scaler, state=(loss,)
    )


def _moved(batch: Any, device: torch.device) -> Any:
    """The tensors of a batch, on the device of the model."""
    if isinstance(batch, Tensor):
        return batch.to(device)
    if isinstance(batch, Mapping):
        return {key: _moved(each, device) for key, each in batch.items()}
    if isinstance(batch, list | tuple) and not hasattr(batch, "_fields"):
        return type(batch)(_moved(each, device) for each in batch)
    return batch


def _value(mark: Mark | None) -> float | None:
    return None if mark is None else mark.value


def _printed(write: Callable[[Console], None]) -> str:
    text = io.StringIO()
    write(
        Console(file=text, width=WIDTH, highlight=False, markup=False, emoji=False, no_color=True)
    )
    return text.getvalue()


def _as_html(text: str) -> str:
    # Styles stand on the element: those of a page would reach into the whole notebook.
    return f'<pre style="white-space: pre; overflow-x: auto">{escape(text)}</pre>'
