"""Reads the loss functions of Keras, which compute with elementary operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, final

import torch
from torch import Tensor

from defib.discovery.keras_layers import READ_AS
from defib.discovery.losses import LossReading
from defib.records.site import Site

_KINDS: Mapping[str, str] = {
    "binary_crossentropy": "binary-cross-entropy",
    "categorical_crossentropy": "cross-entropy",
    "sparse_categorical_crossentropy": "cross-entropy",
    "kl_divergence": "kullback-leibler",
}
"""Function -> kind, where hyphens for underscores do not make it."""

_UNKNOWN = "unknown"
_EPSILON = 1e-7
"""Keras's default `epsilon`: it clips probabilities to [epsilon, 1 - epsilon]."""
_IGNORED = -1
"""Label of positions that the loss leaves out."""


FindSites = Callable[[], tuple[Site | None, Site | None]]
"""Where a loss comes from, and where its input does; `None` where only the graph tells."""


@final
@dataclass(frozen=True)
class LossCall:
    """One call of a Keras loss object, `predictions` detached.

    `function` is the name of Keras's own loss function, empty for the user's; `arguments`
    are what the object passes to it, such as `from_logits`. Made at every step and read at
    few; holds nothing that could hold the graph.
    """

    function: str
    arguments: Mapping[str, Any]
    reduction: str | None
    targets: Any
    predictions: Tensor
    mask: Tensor | None
    sites: FindSites

    @property
    def kind(self) -> str:
        """The field's word."""
        if not self.function:
            return _UNKNOWN
        return _KINDS.get(self.function, self.function.replace("_", "-"))

    def refine(self, reading: LossReading) -> LossReading:
        """What the graph told of this call, completed."""
        predictions, targets = self._predictions_and_targets()
        site, input_site = self.sites()
        return replace(
            reading,
            kind=reading.kind if self.kind == _UNKNOWN else self.kind,
            predictions=predictions,
            targets=targets,
            has_logits=self._has_logits(),
            ignored_target=_IGNORED,
            site=site or reading.site,
            input_site=input_site or reading.input_site,
            probabilities=reading.probabilities if self.kind == _UNKNOWN else self._probabilities(),
        )

    def scored(self) -> tuple[str, Tensor, Tensor]:
        """Torch's name of the loss function, and what it would take for input and target."""
        if self.kind == "cross-entropy":
            return ("nll_loss", *self._scores_and_labels())
        targets = self._targets_like_predictions()
        if self.kind != "binary-cross-entropy":
            return ("mse_loss", self.predictions, targets)
        name = "binary_cross_entropy"
        return (f"{name}_with_logits" if self._has_logits() else name, self.predictions, targets)

    def _has_logits(self) -> bool:
        return bool(self.arguments.get("from_logits", False))

    def _predictions_and_targets(self) -> tuple[Tensor, Tensor]:
        if self.kind != "cross-entropy":
            return self.predictions, self._targets_like_predictions()
        scores, labels = self._scores_and_labels()
        scores = scores.float()
        if self._has_logits():
            return torch.log_softmax(scores, dim=1), labels
        return _shares(scores).clamp(_EPSILON, 1 - _EPSILON).log(), labels

    def _probabilities(self) -> Tensor | None:
        """What Keras clips for probabilities; `None` where the loss takes none."""
        if self._has_logits() or self.kind not in ("cross-entropy", "binary-cross-entropy"):
            return None
        if self.kind == "binary-cross-entropy":
            return self.predictions
        scores, _ = self._scores_and_labels()
        return _shares(scores.float())

    def _scores_and_labels(self) -> tuple[Tensor, Tensor]:
        """Predictions with the classes on axis 1, and the number of the right one."""
        axis = self.arguments.get("axis", -1)
        labels = self._target_tensor()
        if self.function != "sparse_categorical_crossentropy":
            labels = labels.argmax(dim=axis)
        elif labels.ndim == self.predictions.ndim and labels.shape[axis] == 1:
            labels = labels.squeeze(axis)
        labels = labels.long()
        ignored = self.arguments.get("ignore_class")
        if ignored is not None:
            labels = labels.masked_fill(labels == ignored, _IGNORED)
        if self.mask is not None and self.mask.shape == labels.shape:
            labels = labels.masked_fill(~self.mask.bool(), _IGNORED)
        return self.predictions.movedim(axis, 1), labels

    def _targets_like_predictions(self) -> Tensor:
        """The targets in the shape of the predictions, where Keras makes them fit."""
        targets = self._target_tensor()
        if targets.numel() == self.predictions.numel():
            return targets.reshape(self.predictions.shape)
        return targets

    def _target_tensor(self) -> Tensor:
        return torch.as_tensor(self.targets, device=self.predictions.device).detach()


def _shares(scores: Tensor) -> Tensor:
    """Each class's part of the sum over the classes on axis 1."""
    return scores / scores.sum(dim=1, keepdim=True)


def call_of(
    loss: Any, targets: Any, predictions: Tensor, mask: Tensor | None, sites: FindSites
) -> LossCall:
    """A call of the Keras loss object `loss`."""
    function = getattr(loss, "fn", None)
    is_own = (getattr(function, "__module__", None) or "").startswith("keras.")
    name = getattr(function, "__name__", "") if is_own else ""
    arguments = getattr(loss, "_fn_kwargs", {}) if is_own else {}
    name, arguments = getattr(loss, READ_AS, (name, arguments))
    return LossCall(
        name,
        arguments,
        loss.reduction,
        targets,
        predictions,
        mask,
        sites,
    )
