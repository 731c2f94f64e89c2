"""Reads the kind of a loss, its predictions and its targets from the autograd graph."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import torch

from defib.discovery.graph import Node, saved_tensor
from defib.discovery.operation_sites import site_of_node
from defib.discovery.written_losses import RESHAPES, before_reshapes, read_written_loss
from defib.records.site import Site

_KINDS: Mapping[str, str] = {
    "NllLossBackward0": "negative-log-likelihood",
    "NllLoss2DBackward0": "negative-log-likelihood",
    "MseLossBackward0": "mean-squared-error",
    "SmoothL1LossBackward0": "smooth-l1",
    "HuberLossBackward0": "huber",
    "BinaryCrossEntropyBackward0": "binary-cross-entropy",
    "BinaryCrossEntropyWithLogitsBackward0": "binary-cross-entropy",
    "SoftMarginLossBackward0": "soft-margin",
    "KlDivBackward0": "kullback-leibler",
}
_STRETCHED = "ExpandBackward0"
# Keras and careful people keep probabilities a little away from 0 and 1 before their logarithm.
_KEPT_APART = (*RESHAPES, "Clamp")
_CROSS_ENTROPY = ("negative-log-likelihood", "LogSoftmaxBackward0")
# A sum of terms, a division for accumulation, a scale for mixed precision: so many nodes may
# stand between the loss that the user calls `backward` on and the loss function.
_SEARCH_LIMIT = 64


@final
@dataclass(frozen=True)
class LossReading:
    """A loss function in the graph.

    `predictions`: log-probabilities (classes on axis 1) for cross-entropy and
    negative-log-likelihood, logits or probabilities for binary cross-entropy, outputs else.
    `has_logits` is true where `predictions` of a binary cross-entropy are logits. Tensors
    are detached, and `None` where autograd does not keep them. `reduction` is `sum` or `mean`,
    and empty where the nodes before the loss function leave it open. `probabilities` is what a loss
    of probabilities received before values outside of [0, 1] were cut off, detached, and `None`
    where nothing is cut off.
    """

    kind: str
    operations: tuple[str, ...]
    input_operation: str
    predictions: torch.Tensor | None
    targets: torch.Tensor | None
    has_logits: bool
    ignored_target: int | None
    site: Site | None
    input_site: Site | None
    reduction: str = ""
    probabilities: torch.Tensor | None = None


Refine = Callable[[LossReading], LossReading]


@final
@dataclass(frozen=True)
class _Announcement:
    refine: Refine
    inner: Node | None
    """What made the predictions: the loss function ends there."""


_ANNOUNCED = "defib loss"


def announce_loss(result: torch.Tensor, predictions: torch.Tensor, refine: Refine) -> None:
    """Have `read_loss` pass what it reads of a loss function through `refine`.

    For loss functions of elementary operations, whose arguments the graph does not keep.
    Held by the node that made `result`: it lives as long as the graph.
    """
    node: Node = result.grad_fn
    if node is not None:
        node.metadata[_ANNOUNCED] = _Announcement(refine, predictions.grad_fn)


def read_loss(root: Node, *, with_tensors: bool = True) -> LossReading:
    """The loss function nearest to `root`, or kind `unknown` with the operations seen."""
    operations: list[str] = []
    for node in _outermost_first(root):
        announcement = node.metadata.get(_ANNOUNCED)
        if announcement is not None:
            reading = _read(node, operations, announcement.inner, with_tensors)
            return announcement.refine(reading)
        if node.name() in _KINDS:
            # What lies behind a loss function is the network.
            break
        operations.append(node.name())
    return _read(root, [], None, with_tensors)


def _read(root: Node, before: Sequence[str], inner: Node | None, with_tensors: bool) -> LossReading:
    operations = list(before)
    for node in _outermost_first(root, inner):
        name = node.name()
        operations.append(name)
        if name in _KINDS:
            return _reading(node, _KINDS[name], tuple(operations), with_tensors)
        if name == "LogSoftmaxBackward0":
            # Soft targets: -(target * log_softmax).sum() has no node of its own.
            return _reading(node, "cross-entropy", tuple(operations), with_tensors)
        reading = _written(node, tuple(operations), with_tensors)
        if reading is not None:
            return reading
    return LossReading(
        "unknown", tuple(operations[:8]), "", None, None, False, None, site_of_node(root), None
    )


def _outermost_first(root: Node, inner: Node | None = None) -> Iterator[Node]:
    """Nodes from `root` on, without `inner` and what lies behind it."""
    queue, seen = deque([root]), {root, inner}
    for _ in range(_SEARCH_LIMIT):
        if not queue:
            return
        node = queue.popleft()
        yield node
        for child, _ in node.next_functions:
            if child is not None and child not in seen:
                seen.add(child)
                queue.append(child)


def _reading(node: Node, kind: str, operations: tuple[str, ...], with_tensors: bool) -> LossReading:
    source = before_reshapes(node, _KEPT_APART)
    site = site_of_node(node)
    if source is not None and (kind, source.name()) == _CROSS_ENTROPY:
        kind, source = "cross-entropy", before_reshapes(source)
    return LossReading(
        kind=kind,
        operations=operations,
        input_operation=source.name() if source is not None else "",
        predictions=saved_tensor(node, _prediction_attribute(node)) if with_tensors else None,
        targets=saved_tensor(node, "_saved_target") if with_tensors else None,
        has_logits=node.name() == "BinaryCrossEntropyWithLogitsBackward0",
        ignored_target=_ignored(node),
        site=site,
        input_site=site_of_node(source) if source is not None else None,
        reduction=_reduction(getattr(node, "_saved_reduction", _NO_REDUCTION), operations[:-1]),
        probabilities=_before_clamp(node) if with_tensors else None,
    )


def _before_clamp(node: Node) -> torch.Tensor | None:
    """What was cut off to [0, 1], or above 0, on its way into a loss of probabilities."""
    source = before_reshapes(node)
    if node.name() != "BinaryCrossEntropyBackward0":
        # Of a negative log-likelihood: what is cut off behind the logarithm are logarithms.
        is_logarithm = source is not None and source.name() == "LogBackward0"
        source = before_reshapes(source) if is_logarithm else None
    if source is None or not source.name().startswith("ClampBackward"):
        return None
    return saved_tensor(source, "_saved_self")


_NO_REDUCTION, _MEAN, _SUM = 0, 1, 2
# Torch's numbers for `reduction="none"`, `"mean"` and `"sum"`.


def _reduction(own: int, outside: Sequence[str]) -> str:
    """How the losses of a batch become one, by the loss function and the nodes outside it."""
    if any(name.startswith(("DivBackward", "MulBackward")) for name in outside):
        return ""
    is_summed = any(name.startswith("SumBackward") for name in outside)
    is_averaged = any(name.startswith("MeanBackward") for name in outside)
    if own == _MEAN or is_averaged:
        return "mean"
    return "sum" if own == _SUM or is_summed else ""


def _prediction_attribute(node: Node) -> str:
    return "_saved_result" if node.name() == "LogSoftmaxBackward0" else "_saved_self"


def _written(node: Node, operations: tuple[str, ...], with_tensors: bool) -> LossReading | None:
    written = read_written_loss(node, with_tensors=with_tensors)
    if written is None:
        return None
    source = written.source
    operation = source.name() if source is not None else ""
    return LossReading(
        kind=written.kind,
        operations=(*operations, written.operation),
        # What `mse_loss` does by a node of its own, a subtraction does by itself.
        input_operation=_STRETCHED if written.is_stretched else operation,
        predictions=written.predictions,
        targets=written.targets,
        has_logits=False,
        ignored_target=None,
        site=site_of_node(node),
        input_site=site_of_node(source) if source is not None else None,
        reduction=_reduction(_NO_REDUCTION, operations),
    )


def _ignored(node: Node) -> int | None:
    value = getattr(node, "_saved_ignore_index", None)
    return None if value is None else int(value)
