"""Training mode while the network is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from defib.fixes.base import Fix
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord


@final
@dataclass(frozen=True)
class TrainMode(Fix):
    """`model.train()` wherever gradients are computed.

    ## What it changes
    A network in evaluation mode that is called while gradients are on is put into training mode
    first.

    ## When it helps
    Where `model.eval()` of an evaluation is never taken back: dropout is then off, and batch
    normalisation no longer follows its batches.
    """

    def connect(self, training: LiveTraining) -> None:
        def enter(module: nn.Module, arguments: tuple[Any, ...]) -> None:
            del arguments
            if module.training or not torch.is_grad_enabled():
                return
            if any(each.requires_grad for each in module.parameters()):
                module.train()
                training.did("put into training mode")

        training.patches.add_undo(register_module_forward_pre_hook(enter).remove)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del record, finding
        return "`model.train()` at the start of each epoch"
