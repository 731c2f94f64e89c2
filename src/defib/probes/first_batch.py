"""What the first batch shows by itself: input, activations, predictions, targets, labels."""

from __future__ import annotations

from typing import ClassVar, final

import torch
from torch import Tensor

from defib.analysis.nested_tensors import tensors_in
from defib.metrics.excerpt import excerpt
from defib.metrics.unit_activity import active_units
from defib.monitor.loss_observation import observe_loss
from defib.monitor.observation import (
    UnitActivity,
    activation_values,
    observe_activations,
    observe_input,
)
from defib.monitor.transfer import Collector, is_true
from defib.probes.base import Probe
from defib.probes.measurements import CannotMeasure, Measurements
from defib.probes.setup import Setup


@final
class FirstBatch(Probe):
    """The measurements that a watched training makes at its first step, by the same code.

    `dead_unit_fraction_at_start`: units after each ReLU layer that are zero on the whole batch.
    `non_finite_fraction`: share of entries of the inputs, and of the targets, that are not
    finite.
    """

    measures = (
        "input_largest_scale",
        "activation_std",
        "activation_mean",
        "activation_batch_std",
        "saturated_fraction",
        "input_std",
        "prediction_mean",
        "prediction_batch_std",
        "prediction_share_outside",
        "target_mean",
        "target_std",
        "dead_unit_fraction_at_start",
        "non_finite_fraction",
        "loss",
    )
    order: ClassVar[int] = 0

    def measure(self, setup: Setup, into: Measurements) -> None:
        with torch.no_grad():
            into.single.add("loss", setup.optimizer_name, setup.loss.detach())
            _observe_finiteness(setup, into.single)
            if not setup.is_readable:
                raise CannotMeasure("hooks on saved tensors hide the activations")
            observe_activations(setup.graph, UnitActivity(), into.single)
            observe_input(setup.graph, into.single)
            observe_loss(setup.reading, setup.optimizer_name, into.single)
            _observe_dead_units(setup, into.single)


def _observe_finiteness(setup: Setup, into: Collector) -> None:
    inputs = tensors_in((setup.arguments, dict(setup.keywords)))
    targets = [each.targets for each in setup.own_losses]
    for name, tensors in (("inputs", inputs), ("targets", targets)):
        floating = [
            each
            for each in tensors
            if each.is_floating_point() and each.numel() and not _is_mask(each)
        ]
        if floating:
            shares = [1 - torch.isfinite(each).float().mean() for each in floating]
            into.add("non_finite_fraction", name, torch.stack(shares).max())


def _is_mask(values: Tensor) -> bool:
    """Whether only 0 and minus infinity occur: what is added to the scores of an attention."""
    return is_true(((values == 0) | (values == -torch.inf)).all())


def _observe_dead_units(setup: Setup, into: Collector) -> None:
    for layer, active in active_units_by_layer(setup).items():
        into.add("dead_unit_fraction_at_start", layer, 1 - active.float().mean())


def active_units_by_layer(setup: Setup) -> dict[str, Tensor]:
    """After each layer with a ReLU: whether each unit is non-zero anywhere in the batch."""
    found: dict[str, Tensor] = {}
    for use in setup.graph.activations:
        values = activation_values(use) if use.kind == "relu" and use.layer else None
        if values is None or values.numel() == 0:
            continue
        active = active_units(excerpt(values), 1 if use.channels_first else -1)
        known = found.get(use.layer)
        is_same = known is not None and known.shape == active.shape
        found[use.layer] = known | active if known is not None and is_same else active
    return found
