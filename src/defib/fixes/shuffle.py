"""Batches in random order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

from torch.utils.data import IterableDataset

from defib.fixes.base import Fix
from defib.fixes.keras_spelling import spelled
from defib.fixes.keras_training import is_array
from defib.fixes.literals import with_name
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord


@final
@dataclass(frozen=True)
class Shuffle(Fix):
    """Data loaders that shuffle.

    ## What it changes
    Every `DataLoader` that is made without a sampler of its own, over data with a length, gets
    `shuffle=True`; so does `fit` of Keras over arrays.

    ## When it helps
    Where neighbouring examples are alike, most often because the data are sorted by class.

    ## What it cannot do
    Shuffle what a script cuts into batches by hand.
    """

    compares_evaluation: ClassVar[bool] = True

    def connect(self, training: LiveTraining) -> None:
        training.on_loader(_shuffled)
        training.keras.on_fit(_shuffled_fit)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del finding
        return spelled(record, "`DataLoader(..., shuffle=True)`", "`model.fit(..., shuffle=True)`")

    def edited(self, code: str, record: RunRecord, finding: Finding) -> str | None:
        del record, finding
        return with_name(code, "shuffle=False", "shuffle=True")


def _shuffled(arguments: dict[str, Any]) -> str:
    has_order = any(arguments.get(name) is not None for name in ("sampler", "batch_sampler"))
    if has_order or arguments.get("shuffle") or isinstance(arguments["dataset"], IterableDataset):
        return ""
    arguments["shuffle"] = True
    return "data loader shuffled"


def _shuffled_fit(model: Any, arguments: dict[str, Any]) -> str:
    del model
    if arguments["shuffle"] or not is_array(arguments["x"]):
        return ""
    arguments["shuffle"] = True
    return "`fit` shuffles"
