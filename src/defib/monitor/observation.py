"""Measures one backward pass: activations and input."""

from __future__ import annotations

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from defib.discovery.graph import ActivationUse, Graph, LayerUse
from defib.metrics.batch_spread import batch_spread
from defib.metrics.excerpt import LARGEST, excerpt
from defib.metrics.feature_scales import feature_scales
from defib.metrics.moments import moments
from defib.metrics.saturated_fraction import saturated_fraction
from defib.metrics.unit_activity import active_units, dead_unit_fraction
from defib.metrics.zero_fraction import zero_fraction
from defib.monitor.transfer import Collector

DEAD_UNIT_WINDOW = 5
"""Recorded batches on all of which a dead unit is zero: one batch alone shows too little."""
MAXIMUM_USES = 4
"""Uses of one layer that are looked at in a step; recurrent networks have thousands."""

_SATURATING = ("sigmoid", "tanh")
_SHOWN_BY_INPUT = {
    "leaky-relu": F.leaky_relu,
    "elu": F.elu,
    "gelu": F.gelu,
    "silu": F.silu,
    "softplus": F.softplus,
    "hardtanh": F.hardtanh,
    "hardsigmoid": F.hardsigmoid,
    "hardswish": F.hardswish,
    "mish": F.mish,
}
"""Kinds of which autograd keeps the input: the function gives the result."""


@final
class UnitActivity:
    """When each unit of each layer was last active, counted in recorded batches."""

    def __init__(self) -> None:
        self._last_active: dict[str, Tensor] = {}
        self._samples: dict[str, int] = {}

    def observe(self, layer: str, active: Tensor) -> Tensor | None:
        """Take in one batch; the dead fraction once a whole window was seen."""
        sample = self._samples.get(layer, 0)
        known = self._last_active.get(layer)
        if known is None or known.shape != active.shape or known.device != active.device:
            sample = 0
            known = torch.full_like(active, -1, dtype=torch.int32)
        self._samples[layer] = sample + 1
        # `where` and not an in-place write: compiled graphs may hold the old tensor.
        self._last_active[layer] = torch.where(active, torch.full_like(known, sample), known)
        if sample + 1 < DEAD_UNIT_WINDOW:
            return None
        return dead_unit_fraction(self._last_active[layer], sample, DEAD_UNIT_WINDOW)


def observe_activations(graph: Graph, activity: UnitActivity, into: Collector) -> None:
    """Mean, spread, zeros, dead units and saturation after each layer."""
    uses: dict[str, list[ActivationUse]] = {}
    for use in graph.activations:
        if use.layer and use.kind != "softmax":
            uses.setdefault(use.layer, []).append(use)
    for layer, known in uses.items():
        _observe_layer(layer, known[:MAXIMUM_USES], layer in graph.last_layers, activity, into)


def _observe_layer(
    layer: str, uses: list[ActivationUse], is_last: bool, activity: UnitActivity, into: Collector
) -> None:
    use = uses[0]
    part = activation_values(use, LARGEST)
    if part is None or not part.is_floating_point() or part.numel() == 0:
        return
    part = part.float()
    into.add_moments("activation", layer, moments(part))
    into.add("activation_batch_std", layer, batch_spread(part))
    if use.kind == "relu":
        into.add("zero_fraction", layer, zero_fraction(part))
        dead = activity.observe(layer, _active_in_any(uses))
        if dead is not None:
            into.add("dead_unit_fraction", layer, dead)
    elif use.kind in _SATURATING and not is_last:
        into.add("saturated_fraction", layer, saturated_fraction(part, use.kind))


def _active_in_any(uses: list[ActivationUse]) -> Tensor:
    active: Tensor | None = None
    for use in uses:
        values = activation_values(use)
        if values is None:
            continue
        each = active_units(values, 1 if use.channels_first else -1)
        active = each if active is None or active.shape != each.shape else active | each
    assert active is not None
    return active


def activation_values(use: ActivationUse, largest: int | None = None) -> Tensor | None:
    """The result of a non-linearity; computed from its input where autograd keeps only that.

    Of as many examples as fit into `largest` elements, or of the whole batch.
    """
    saved = use.saved()
    if saved is None:
        return None
    if largest is not None:
        saved = excerpt(saved, largest)
    if use.node.name() == "ThresholdBackward0":
        return torch.relu(saved)
    keeps_input = use.node.name().endswith("0") and use.kind in _SHOWN_BY_INPUT
    return _SHOWN_BY_INPUT[use.kind](saved) if keeps_input else saved


def observe_input(graph: Graph, into: Collector) -> None:
    """Statistics of the batch as the first layer receives it; token ids have none."""
    use = next((each for each in graph.layers if each.reads_input), None)
    values = use.input() if use is not None else None
    if use is None or values is None or not values.is_floating_point() or values.ndim < 2:
        return
    values = excerpt(values).float()
    low, high = torch.aminmax(values)
    into.add_moments("input", use.layer, moments(values))
    into.add("input_minimum", use.layer, low)
    into.add("input_maximum", use.layer, high)
    scales = feature_scales(values, _feature_axis(use))
    into.add("input_largest_scale", use.layer, scales.largest)
    into.add("input_largest_feature", use.layer, scales.index)
    into.add("input_scale_ratio", use.layer, scales.ratio)


def _feature_axis(use: LayerUse) -> int:
    name = use.node.name()
    return 1 if name.startswith(("Convolution", "NativeBatchNorm", "CudnnBatchNorm")) else -1
