"""What fixes have in common that put one non-linearity in the place of others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from defib.fixes.activation_swap import MODULES, swap_activations
from defib.fixes.base import Fix
from defib.fixes.literals import with_name
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord


@dataclass(frozen=True)
class ActivationFix(Fix):
    """Before the first training step, in the hidden layers, for modules and functions alike."""

    replaced: ClassVar[tuple[str, ...]]
    """Kinds of `activation_swap.MODULES`."""
    module: ClassVar[type[nn.Module]]
    """What comes in their place, with its own defaults."""

    def connect(self, training: LiveTraining) -> None:
        swap_activations(training, self.replaced, self.module, self.module.__name__)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del record, finding
        return f"`nn.{self.module.__name__}()` after the hidden layers"

    def edited(self, code: str, record: RunRecord, finding: Finding) -> str | None:
        del record, finding
        names = (MODULES[kind][0].__name__ for kind in self.replaced)
        edits = (with_name(code, old, self.module.__name__) for old in names)
        return next((each for each in edits if each is not None), None)
