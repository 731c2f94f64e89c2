"""Sees the loss functions that the user calls without gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from defib.discovery.patches import Patches
from defib.metrics.recognized_of_each_class import recognized_of_each_class

LossSeen = Callable[[str, Tensor, Tensor, Tensor, str], None]
"""`seen(name, input, target, result, reduction)`"""

_FUNCTIONS = (
    "cross_entropy",
    "nll_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "mse_loss",
    "l1_loss",
    "smooth_l1_loss",
    "huber_loss",
    "soft_margin_loss",
)


def watch_evaluation(patches: Patches, seen: LossSeen) -> None:
    """From now on call `seen` after each loss function that ran without gradients.

    With gradients on, the functions only pass on: a training loss is read from its graph.
    """
    for name in _FUNCTIONS:
        patches.replace(F, name, lambda original, name=name: _watched(original, name, seen))


def _watched(original: Callable[..., Tensor], name: str, seen: LossSeen) -> Callable[..., Tensor]:
    def loss_function(input: Any, target: Any, *arguments: Any, **keywords: Any) -> Tensor:
        result = original(input, target, *arguments, **keywords)
        if not torch.is_grad_enabled() and not torch.compiler.is_compiling():
            seen(name, input, target, result, keywords.get("reduction", "mean"))
        return result

    # torch.jit.script takes the original by this mark: it cannot compile `*arguments`.
    loss_function.__script_if_tracing_wrapper = True  # pyright: ignore[reportFunctionMemberAccess]
    loss_function.__original_fn = original  # pyright: ignore[reportFunctionMemberAccess]
    return loss_function


def mean_and_accuracy(
    name: str,
    input: Tensor,
    target: Tensor,
    result: Tensor,
    reduction: str,
) -> tuple[Tensor, Tensor | None, int]:
    """Mean loss of a batch, its accuracy where the loss is one of classes, and its size."""
    examples = input.shape[0] if input.ndim else 1
    loss = result.detach()
    if reduction == "sum":
        loss = loss / examples
    elif loss.ndim:
        loss = loss.mean()
    return loss, _accuracy(name, input.detach(), target.detach()), examples


def class_tallies(name: str, input: Tensor, target: Tensor) -> Tensor | None:
    """Of each class how many examples are missed and recognised, shaped [classes, 2].

    `None` where the loss is not one of a single choice between 2 to `MAXIMUM_CLASSES` classes.
    """
    if name in ("cross_entropy", "nll_loss"):
        if target.is_floating_point() or input.ndim != target.ndim + 1:
            return None
        return recognized_of_each_class(input.argmax(dim=1), target, input.shape[1])
    # Several outputs are several questions.
    if name.startswith("binary") and input.shape == target.shape and _is_single(target):
        threshold = 0.0 if name.endswith("logits") else 0.5
        return recognized_of_each_class((input > threshold).long(), (target > 0.5).long(), 2)
    return None


def _is_single(target: Tensor) -> bool:
    return target.ndim > 0 and target.numel() == target.shape[0]


def _accuracy(name: str, predictions: Tensor, targets: Tensor) -> Tensor | None:
    if name == "cross_entropy" and predictions.shape == targets.shape == (len(targets), 1):
        # Over one unit the softmax is 1 whatever the score: the score itself is looked at.
        return ((predictions > 0) == (targets > 0.5)).float().mean()
    if name in ("cross_entropy", "nll_loss"):
        if targets.is_floating_point() or predictions.ndim != targets.ndim + 1:
            return None
        # Negative labels, such as -100, mark what the loss leaves out.
        counts = (targets >= 0).float()
        hits = (predictions.argmax(dim=1) == targets).float() * counts
        return hits.sum() / counts.sum().clamp(min=1)
    if name.startswith("binary") and predictions.shape == targets.shape:
        threshold = 0.0 if name.endswith("logits") else 0.5
        return ((predictions > threshold) == (targets > 0.5)).float().mean()
    return None
