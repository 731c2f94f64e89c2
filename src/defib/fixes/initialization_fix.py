"""What fixes have in common that draw the initial weights anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import ClassVar

from torch import Tensor, nn

from defib.fixes.base import Fix
from defib.fixes.keras_spelling import trains_keras, with_initializer
from defib.fixes.layer_weights import weights_of
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord


@dataclass(frozen=True)
class InitializationFix(Fix):
    """Before the first training step, for every weight matrix; biases become zero."""

    initializer: ClassVar[str]
    """A function of `torch.nn.init` that fills a weight in place."""
    options: ClassVar[Mapping[str, str | float]] = MappingProxyType({})
    """Its arguments, by name."""
    keras: ClassVar[str]
    """What a layer of Keras gets as `kernel_initializer`."""

    def connect(self, training: LiveTraining) -> None:
        training.on_model(self._draw)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del finding
        if trains_keras(record):
            return f"`kernel_initializer={self.keras}` in each layer"
        options = "".join(f", {name}={_literal(value)}" for name, value in self.options.items())
        call = f"nn.init.{self.initializer}(layer.weight{options})"
        return f"for each layer: `{call}` and `nn.init.zeros_(layer.bias)`"

    def edited(self, code: str, record: RunRecord, finding: Finding) -> str | None:
        del finding
        return with_initializer(code, self.keras) if trains_keras(record) else None

    def _draw(self, model: nn.Module, inputs: tuple[Tensor, ...]) -> str:
        del inputs
        found = weights_of(model)
        for each in found:
            each.draw(partial(getattr(nn.init, self.initializer), **self.options))
        return f"{self.name()}: {len(found)} layers" if found else ""


def _literal(value: str | float) -> str:
    return f'"{value}"' if isinstance(value, str) else f"{value:.6g}"
