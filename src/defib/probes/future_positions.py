"""Whether a network that predicts the next token has seen it already."""

from __future__ import annotations

from typing import ClassVar, final

import torch
from torch import Tensor

from defib.analysis.nested_tensors import tensors_in, with_tensors_replaced
from defib.monitor.transfer import is_true
from defib.probes.base import Probe
from defib.probes.measurements import CannotMeasure, Measurements
from defib.probes.setup import Setup

TOLERANCE = 1e-4
"""Change of an output that rounding explains, relative to the largest output (float32)."""


@final
class FuturePositions(Probe):
    """`leaking_positions`: share of the earlier positions that change with the last token.

    Made where the targets are the input tokens moved by one, so that each position is to predict
    the next one: on a copy in evaluation mode the last token of every sample is replaced.
    """

    measures = ("leaking_positions",)
    order: ClassVar[int] = 103

    def measure(self, setup: Setup, into: Measurements) -> None:
        tokens = _tokens(setup)
        network, given = setup.evaluation_copy()
        changed = tokens.clone()
        # Another token that occurs, so that it is one the network knows.
        last = changed[:, -1]
        changed[:, -1] = torch.where(last == tokens.min(), tokens.max(), tokens.min())
        with torch.no_grad():
            before, after = (
                _output(network, with_tensors_replaced(given, lambda each, new=new: new
                        if each is tokens else each))
                for new in (tokens, changed)
            )  # fmt: skip
        if before.ndim < 3 or before.shape[:2] != tokens.shape:
            raise CannotMeasure("the output has no position for each token")
        difference = (after - before).abs().flatten(2).amax(2)
        limit = TOLERANCE * before.abs().max().clamp_min(1e-6)
        if not is_true((difference[:, -1] > limit).any()):
            raise CannotMeasure("the output of the last position does not depend on its token")
        into.single.add("leaking_positions", "", (difference[:, :-1] > limit).float().mean())


def _tokens(setup: Setup) -> Tensor:
    call = setup.main_loss
    targets = call.targets.detach().reshape(-1)
    for each in tensors_in((setup.arguments, dict(setup.keywords))):
        is_ids = each.ndim == 2 and each.dtype in (torch.int64, torch.int32)
        if is_ids and each.shape[1] > 2 and _is_next(each, targets):
            return each
    raise CannotMeasure("the targets are not the tokens of the next positions")


def _is_next(tokens: Tensor, targets: Tensor) -> bool:
    """Whether the targets are the tokens, each moved to the position before it."""
    rows, length = tokens.shape
    if targets.numel() == rows * (length - 1):
        return is_true((targets == tokens[:, 1:].reshape(-1)).all())
    if targets.numel() != rows * length:
        return False
    found = targets.reshape(rows, length)[:, :-1]
    # Alike tokens everywhere say nothing of a shift.
    return is_true((found == tokens[:, 1:]).all()) and is_true((found != tokens[:, :-1]).any())


def _output(network: torch.nn.Module, given: object) -> Tensor:
    arguments, keywords = given  # type: ignore[misc]
    return next(each for each in tensors_in(network(*arguments, **keywords)) if each.ndim)
