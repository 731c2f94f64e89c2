"""Logarithms and square roots that stay finite."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor

from defib.fixes.base import Fix
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord

SMALLEST = 1e-8
"""What a logarithm or a square root gets at least, in single precision far from its limits: what
the rule `non-finite-value` advises to add."""
_OWNERS: tuple[Any, ...] = (torch, Tensor)


@final
@dataclass(frozen=True)
class StableOperation(Fix):
    """Logarithms of probabilities in one step, and no logarithm or square root of 0.

    ## What it changes
    In training, `log` of a sigmoid, or of 1 minus it, is `logsigmoid` of what the sigmoid got;
    `log` of a softmax is `log_softmax`. Any other logarithm or square root of less than 1e-8 is
    taken of 1e-8, and gives no gradient.

    ## When it helps
    Where a cross-entropy is written by hand: once a probability rounds to 0 or 1, its logarithm
    is infinite, and 0 times infinity is no number. Where the derivative of a square root is
    infinite at 0.

    ## What it cannot do
    Mend inputs that are not finite, a division by 0, or what Keras computes.

    ## References
    - Goodfellow, Bengio, Courville, *Deep Learning* (2016), section 4.1: overflow and underflow.
    """

    def connect(self, training: LiveTraining) -> None:
        known: list[_Squashed] = []

        def remember(kind: str) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
            def wrap(original: Callable[..., Tensor]) -> Callable[..., Tensor]:
                def squash(values: Tensor, *arguments: Any, **keywords: Any) -> Tensor:
                    result = original(values, *arguments, **keywords)
                    if result.grad_fn is not None:
                        axis = keywords.get("dim", arguments[0] if arguments else -1)
                        known.append(_Squashed(kind, values, result, axis))
                    return result

                return squash

            return wrap

        def wrap_log(original: Callable[..., Tensor]) -> Callable[..., Tensor]:
            def log(values: Tensor, *arguments: Any, **keywords: Any) -> Tensor:
                for each in reversed(known) if values.grad_fn is not None else ():
                    stable = each.logarithm(values)
                    if stable is not None:
                        training.did("logarithm of a probability in one step")
                        return stable
                return original(_bounded(values, training), *arguments, **keywords)

            return log

        def wrap_root(original: Callable[..., Tensor]) -> Callable[..., Tensor]:
            def sqrt(values: Tensor, *arguments: Any, **keywords: Any) -> Tensor:
                return original(_bounded(values, training), *arguments, **keywords)

            return sqrt

        for owner in (*_OWNERS, F):
            training.replace_function(owner, "sigmoid", remember("sigmoid"))
            training.replace_function(owner, "softmax", remember("softmax"))
        for owner in _OWNERS:
            training.replace_function(owner, "log", wrap_log)
            training.replace_function(owner, "sqrt", wrap_root)
        # What was remembered holds the graph of its step.
        training.after_step(lambda _: known.clear())

    def change(self, record: RunRecord, finding: Finding) -> str:
        del record, finding
        return (
            "`F.binary_cross_entropy_with_logits` or `F.cross_entropy` of what goes into the "
            "sigmoid or softmax; elsewhere `.clamp(min=1e-8)` before `log` or `sqrt`"
        )


def _bounded(values: Tensor, training: LiveTraining) -> Tensor:
    if (
        not values.requires_grad
        or not values.is_floating_point()
        or bool((values > SMALLEST).all())
    ):
        return values
    training.did("logarithms and square roots kept away from 0")
    return values.clamp(min=SMALLEST)


@final
@dataclass(frozen=True)
class _Squashed:
    """A sigmoid or softmax that was computed: what went in, and what came out."""

    kind: str
    values: Tensor
    result: Tensor
    axis: Any

    def logarithm(self, probabilities: Tensor) -> Tensor | None:
        """That of `probabilities`, if they are the result or, of a sigmoid, 1 minus it."""
        if probabilities.grad_fn is self.result.grad_fn:
            if self.kind == "softmax":
                return F.log_softmax(self.values, dim=self.axis)
            return F.logsigmoid(self.values)
        node = probabilities.grad_fn
        is_one_minus = (
            self.kind == "sigmoid"
            and node is not None
            and node.name().startswith(("RsubBackward", "SubBackward"))
            and any(each is self.result.grad_fn for each, _ in node.next_functions)
            and torch.equal(probabilities.detach(), 1 - self.result.detach())
        )
        return F.logsigmoid(-self.values) if is_one_minus else None
