"""Larger or smaller batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

from defib.fixes.base import Fix
from defib.fixes.keras_spelling import spelled
from defib.fixes.keras_training import is_array
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord

USUAL = 32
"""Source: Bengio, *Practical recommendations* (2012): a good default."""


@final
@dataclass(frozen=True)
class BatchSize(Fix):
    """Data loaders with another batch size.

    ## What it changes
    Every `DataLoader` that cuts its own batches, and `fit` of Keras over arrays.

    ## When it helps
    Where the gradient of a batch is nearly all noise, or batch normalisation has too few examples.

    ## References
    - McCandlish et al., *An Empirical Model of Large-Batch Training* (2018).
    """

    meaning: ClassVar[str] = "examples in a batch"

    def connect(self, training: LiveTraining) -> None:
        size = int(self.value or USUAL)

        def change(arguments: dict[str, Any]) -> str:
            is_own = arguments.get("batch_sampler") is not None
            if is_own or arguments.get("batch_size", 1) in (None, size):
                return ""
            arguments["batch_size"] = size
            return f"batches of {size}"

        def change_fit(model: Any, arguments: dict[str, Any]) -> str:
            del model
            # What is no array cuts its own batches.
            if not is_array(arguments["x"]) or arguments["batch_size"] == size:
                return ""
            arguments["batch_size"] = size
            return f"batches of {size}"

        training.on_loader(change)
        training.keras.on_fit(change_fit)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del finding
        return spelled(
            record,
            f"`DataLoader(..., batch_size={int(self.value or USUAL)})`",
            f"`model.fit(..., batch_size={int(self.value or USUAL)})`",
        )
