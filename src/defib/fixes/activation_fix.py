"""What fixes have in common that put one non-linearity in the place of others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from defib.fixes.activation_swap import MODULES, swap_activations
from defib.fixes.base import Fix
from defib.fixes.keras_spelling import spelled, trains_keras, with_activation
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
    keras: ClassVar[str]
    """What a layer of Keras gets as `activation`."""

    def connect(self, training: LiveTraining) -> None:
        swap_activations(training, self.replaced, self.module, self.module.__name__)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del finding
        return spelled(
            record,
            f"`nn.{self.module.__name__}()` after the hidden layers",
            f"`activation={self.keras}` in the hidden layers",
        )

    def edited(self, code: str, record: RunRecord, finding: Finding) -> str | None:
        if trains_keras(record):
            # The output keeps its own, which may stand in the same line.
            sites = {each.site for each in record.layers if each.feeds_loss}
            is_name = self.keras.startswith('"') and finding.site not in sites
            return with_activation(code, self.replaced, self.keras.strip('"')) if is_name else None
        names = (MODULES[kind][0].__name__ for kind in self.replaced)
        edits = (with_name(code, old, self.module.__name__) for old in names)
        return next((each for each in edits if each is not None), None)
