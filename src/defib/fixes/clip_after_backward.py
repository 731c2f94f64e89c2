"""Clipping where there is something to clip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

from torch import nn
from torch.optim import Optimizer

from defib.fixes.base import Fix
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord


@final
@dataclass(frozen=True)
class ClipAfterBackward(Fix):
    """The script's own clipping, done right before the step.

    ## What it changes
    Gradients are clipped before each step to the norm with which the script calls
    `clip_grad_norm_`, wherever it does that.

    ## When it helps
    Where a script clips before `backward`, when there are no gradients yet.
    """

    def connect(self, training: LiveTraining) -> None:
        limits: list[float] = []

        def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
            def clip(parameters: Any, max_norm: float, *rest: Any, **keywords: Any) -> Any:
                limits[:] = [float(max_norm)]
                return original(parameters, max_norm, *rest, **keywords)

            def before(optimizer: Optimizer) -> None:
                held = [each for group in optimizer.param_groups for each in group["params"]]
                if limits:
                    original([each for each in held if each.grad is not None], limits[0])
                    training.did(f"gradient norm cut to {limits[0]:g} before the step")

            training.before_step(before)
            return clip

        training.replace_function(nn.utils, "clip_grad_norm_", wrap)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del record, finding
        return "call `clip_grad_norm_` between `loss.backward()` and `optimizer.step()`"
