"""A clipping limit that leaves usual gradients alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, final

from torch import nn

from defib.fixes.base import Fix
from defib.fixes.hyperparameters import set_hyperparameter
from defib.fixes.keras_spelling import spelled
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord

USUAL = 1.0


@final
@dataclass(frozen=True)
class RaiseClippingLimit(Fix):
    """Clipping to a larger norm than the script's.

    ## What it changes
    `clip_grad_norm_` is called with the value where the script's limit is smaller; so are
    `clipnorm` and `global_clipnorm` of optimisers of Keras.

    ## When it helps
    Where nearly every step is cut far below its size, and the limit sets the pace.
    """

    meaning: ClassVar[str] = "smallest limit for the gradient norm"

    def connect(self, training: LiveTraining) -> None:
        limit = self.value or USUAL

        def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
            def clip(parameters: Any, max_norm: float, *rest: Any, **keywords: Any) -> Any:
                if max_norm < limit:
                    training.did(f"clipping limit raised to {limit:g}")
                return original(parameters, max(max_norm, limit), *rest, **keywords)

            return clip

        for name in ("clip_grad_norm_", "clip_grad_norm"):
            training.replace_function(nn.utils, name, wrap)
        for key in ("clipnorm", "global_clipnorm"):
            set_hyperparameter(
                training, key, lambda own: max(own, limit), f"clipping limit raised to {limit:g}"
            )

    def change(self, record: RunRecord, finding: Finding) -> str:
        del finding
        return spelled(
            record,
            f"`clip_grad_norm_(model.parameters(), {self.value or USUAL:g})`",
            f"`global_clipnorm={self.value or USUAL:g}`",
        )
