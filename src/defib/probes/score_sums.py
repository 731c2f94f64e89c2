"""Along which axis the scores that a loss of classes received are normalised."""

from __future__ import annotations

from typing import ClassVar, final

import torch
from torch import Tensor

from defib.probes.base import Probe
from defib.probes.measurements import CannotMeasure, Measurements
from defib.probes.setup import Setup


@final
class ScoreSums(Probe):
    """`score_sum_error`: largest distance from 1 of the sums of probabilities over an axis.

    By axis: `classes`, and `samples` where there are several. The scores are exponentiated for a
    negative log-likelihood, which expects logarithms; else taken as they are.
    `lowest_score`: the smallest of them.
    """

    measures = ("score_sum_error", "lowest_score")
    order: ClassVar[int] = 11

    def measure(self, setup: Setup, into: Measurements) -> None:
        call = setup.main_loss
        if call.name not in ("nll_loss", "cross_entropy") or call.predictions.ndim < 2:
            raise CannotMeasure("the loss is none of several classes")
        with torch.no_grad():
            scores = call.predictions.detach().float()
            probabilities = scores.exp() if call.name == "nll_loss" else scores
            into.single.add("lowest_score", call.name, probabilities.min())
            into.single.add("score_sum_error", "classes", _error(probabilities, 1))
            if probabilities.shape[0] > 1:
                into.single.add("score_sum_error", "samples", _error(probabilities, 0))


def _error(probabilities: Tensor, axis: int) -> Tensor:
    return (probabilities.sum(axis) - 1).abs().max()
