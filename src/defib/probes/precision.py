"""What double precision is good for."""

from __future__ import annotations

from typing import Any, ClassVar, final

import torch
from torch import Tensor

from defib.analysis.nested_tensors import tensors_in, with_tensors_replaced
from defib.probes.base import Probe
from defib.probes.measurements import CannotMeasure, Measurements
from defib.probes.setup import Setup


@final
class Precision(Probe):
    """`double_share`: share of the elements of all parameters that are float64, in [0, 1].

    `single_precision_difference`: norm of the change of the network's outputs (evaluation mode,
    first batch) where a copy computes in float32, over the norm of the outputs.
    """

    measures = ("double_share", "single_precision_difference")
    order: ClassVar[int] = 150

    def measure(self, setup: Setup, into: Measurements) -> None:
        trained = [each.tensor for each in setup.parameters if each.tensor.is_floating_point()]
        if not trained:
            raise CannotMeasure("no parameter of real numbers is known")
        doubles = sum(each.numel() for each in trained if each.dtype is torch.float64)
        into.single.add("double_share", "", doubles / sum(each.numel() for each in trained))
        if not doubles:
            into.leave_out(["single_precision_difference"], "no parameter is float64")
            return
        network, given = setup.evaluation_copy()
        with torch.no_grad():
            exact = _first(network(*given[0], **given[1]))
            arguments, keywords = with_tensors_replaced(given, _single)
            rounded = _first(network.float()(*arguments, **keywords))
        change = torch.linalg.vector_norm(rounded.double() - exact.double())
        norm = torch.linalg.vector_norm(exact.double())
        into.single.add("single_precision_difference", "", change / norm)


def _single(values: Tensor) -> Tensor:
    return values.float() if values.dtype is torch.float64 else values


def _first(outputs: Any) -> Tensor:  # anything may be what a network gives
    found = [each for each in tensors_in(outputs) if each.is_floating_point()]
    if not found:
        raise CannotMeasure("the network gives no tensor of real numbers")
    return found[0]
