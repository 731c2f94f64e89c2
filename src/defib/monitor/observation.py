"""Measures one backward pass: activations, input, predictions and targets."""

from __future__ import annotations

import math
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from defib.discovery.graph import ActivationUse, Graph, LayerUse
from defib.discovery.losses import LossReading
from defib.metrics.batch_spread import batch_spread
from defib.metrics.excerpt import excerpt
from defib.metrics.feature_scales import feature_scales
from defib.metrics.label_counts import label_counts
from defib.metrics.label_mix_loss import (
    label_mix_binary_cross_entropy,
    label_mix_cross_entropy,
    label_mix_squared_error,
)
from defib.metrics.moments import moments
from defib.metrics.one_hot import is_one_hot, one_hot_accuracy
from defib.metrics.outside_zero_one import outside_zero_one
from defib.metrics.recognized_of_each_class import (
    MAXIMUM_CLASSES,
    recognized_of_each_class,
)
from defib.metrics.saturated_fraction import saturated_fraction
from defib.metrics.unit_activity import active_units, dead_unit_fraction
from defib.metrics.zero_fraction import zero_fraction
from defib.monitor.transfer import Collector, is_true

DEAD_UNIT_WINDOW = 5
"""Recorded batches on all of which a dead unit is zero: one batch alone shows too little."""
MAXIMUM_USES = 4
"""Uses of one layer that are looked at in a step; recurrent networks have thousands."""

_OF_CLASSES = ("cross-entropy", "negative-log-likelihood")
"""Kinds of losses whose targets are numbers of classes."""
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
    values = activation_values(use)
    if values is None or not values.is_floating_point() or values.numel() == 0:
        return
    part = excerpt(values).float()
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


def activation_values(use: ActivationUse) -> Tensor | None:
    """The result of a non-linearity; computed from its input where autograd keeps only that."""
    saved = use.saved()
    if saved is None:
        return None
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


def observe_loss(
    reading: LossReading, optimizer: str, into: Collector, *, is_of_steps: bool = False
) -> None:
    """Predictions and targets of the loss function.

    With `is_of_steps` those of several steps at once: their tensors have an axis of steps before
    all others, and so has what is collected. No label may be one that is left out.
    """
    predictions, targets = reading.predictions, reading.targets
    kept = int(is_of_steps)
    if predictions is None or not predictions.is_floating_point() or predictions.numel() == 0:
        return
    predictions = predictions.float()
    into.add_moments("prediction", optimizer, moments(predictions, kept))
    into.add("prediction_batch_std", optimizer, batch_spread(predictions, kept))
    if reading.probabilities is not None:
        outside = outside_zero_one(reading.probabilities.float(), kept)
        into.add("prediction_share_outside", optimizer, outside)
    if targets is None:
        return
    if reading.kind in _OF_CLASSES:
        _observe_classes(reading, predictions, targets, optimizer, into, kept)
    elif targets.shape == predictions.shape:
        _observe_values(reading, predictions, targets.float(), optimizer, into, kept)


def leaves_none_out(reading: LossReading) -> bool:
    """Whether every target counts in a loss of classes; without targets it is true."""
    if reading.kind not in _OF_CLASSES or reading.targets is None:
        return True
    return is_true(_counts(reading, reading.targets).all())


def _counts(reading: LossReading, labels: Tensor) -> Tensor:
    """Which labels the loss does not leave out."""
    counts = labels >= 0
    if reading.ignored_target is not None and reading.ignored_target >= 0:
        counts &= labels != reading.ignored_target
    return counts


def _observe_classes(
    reading: LossReading,
    predictions: Tensor,
    targets: Tensor,
    optimizer: str,
    into: Collector,
    kept: int,
) -> None:
    if predictions.ndim != targets.ndim + 1 or predictions.ndim < 2 + kept:
        return
    several, classes = predictions.shape[:kept], predictions.shape[1 + kept]
    # Sequences and images give one prediction for each position.
    flat = predictions.movedim(1 + kept, -1).reshape(*several, -1, classes)
    labels = targets.reshape(*several, -1)
    if not kept:
        counts = _counts(reading, labels)
        if not is_true(counts.all()):
            flat, labels = flat[counts], labels[counts]
    guesses = flat.argmax(dim=-1)
    into.add("accuracy", optimizer, (guesses == labels).float().mean(dim=-1))
    if classes > MAXIMUM_CLASSES:
        return
    into.add("prediction_top_share", optimizer, _largest_share(guesses, classes, kept))
    _observe_labels(guesses, labels, classes, into, kept)
    into.add("label_mix_loss", optimizer, label_mix_cross_entropy(flat, labels))


def _observe_labels(
    guesses: Tensor, labels: Tensor, classes: int, into: Collector, kept: int
) -> None:
    """Of each class how many examples there are, and how many of them are recognised."""
    names = [str(label) for label in range(classes)]
    tallies = recognized_of_each_class(guesses, labels, classes, kept)
    if tallies is None:
        into.add_all("label_count", names, label_counts(labels, classes, kept))
    else:
        into.add_all("label_count", names, tallies.sum(dim=-1))
        into.add_all("label_recognized", names, tallies[..., 1])


def _largest_share(guesses: Tensor, classes: int, kept: int) -> Tensor:
    return label_counts(guesses, classes, kept).amax(dim=-1) / guesses.shape[-1]


def _observe_values(
    reading: LossReading,
    predictions: Tensor,
    targets: Tensor,
    optimizer: str,
    into: Collector,
    kept: int,
) -> None:
    into.add_moments("target", optimizer, moments(targets, kept))
    if reading.kind == "mean-squared-error":
        mix = label_mix_squared_error(predictions, targets, kept)
        into.add("label_mix_loss", optimizer, mix)
        accuracy = accuracy_of_one_hot(predictions, targets, kept)
        if accuracy is not None:
            into.add("accuracy", optimizer, accuracy)
    elif reading.kind == "binary-cross-entropy":
        _observe_binary(reading, predictions, targets, optimizer, into, kept)


def accuracy_of_one_hot(outputs: Tensor, targets: Tensor, kept: int = 0) -> Tensor | None:
    """`one_hot_accuracy` where the targets are classes; `None` where they are numbers."""
    is_table = targets.ndim == 2 + kept and targets.shape[-1] > 1
    if not is_table or targets.shape != outputs.shape or not is_true(is_one_hot(targets)):
        return None
    return one_hot_accuracy(outputs, targets)


def _observe_binary(
    reading: LossReading,
    predictions: Tensor,
    targets: Tensor,
    optimizer: str,
    into: Collector,
    kept: int,
) -> None:
    logits = predictions if reading.has_logits else torch.logit(predictions, eps=1e-6)
    positive = targets > 0.5
    guesses = logits > 0
    axes = tuple(range(kept, targets.ndim))
    into.add("accuracy", optimizer, (guesses == positive).float().mean(dim=axes))
    # Several outputs are several questions, each with a label mix of its own.
    if math.prod(targets.shape[kept:]) != targets.shape[kept]:
        return
    share = guesses.float().mean(dim=axes)
    into.add("prediction_top_share", optimizer, torch.maximum(share, 1 - share))
    one, other = (each.flatten(kept).long() for each in (guesses, positive))
    _observe_labels(one, other, 2, into, kept)
    into.add("label_mix_loss", optimizer, label_mix_binary_cross_entropy(logits, targets, kept))
