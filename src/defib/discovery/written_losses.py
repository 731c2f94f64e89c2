"""Reads errors that users write out: the mean or the sum of squared or absolute differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, final

from torch import Tensor

from defib.discovery.graph import Node, saved_tensor

_VIEWS = ("View", "UnsafeView", "Reshape", "Squeeze", "Unsqueeze", "ToCopy", "Clone")
"""Beginnings of the names of nodes that keep entries and their order."""
RESHAPES = (*_VIEWS, "Transpose", "Permute")


@final
@dataclass(frozen=True)
class WrittenLoss:
    """An error of numbers without a node of its own.

    `source` made what was subtracted, and is `None` for plain numbers. `is_stretched` is true
    where each of N predictions is compared with each of N targets. `predictions` and `targets`
    have one shape; they are detached, and `None` where the graph does not tell them.
    """

    kind: str
    operation: str
    source: Node | None
    is_stretched: bool
    predictions: Tensor | None
    targets: Tensor | None


def read_written_loss(reduction: Node, *, with_tensors: bool) -> WrittenLoss | None:
    """What the mean or the sum `reduction` is of; `None` where it is no error of numbers."""
    error = before_reshapes(reduction)
    if not reduction.name().startswith(("MeanBackward", "SumBackward")) or error is None:
        return None
    kind, is_that = _KINDS.get(error.name(), ("", None))
    difference = before_reshapes(error)
    if (
        difference is None
        or difference.name() != "SubBackward0"
        or not (is_that and is_that(error))
    ):
        return None
    pair = _compared(difference, saved_tensor(error, "_saved_self")) if with_tensors else None
    return WrittenLoss(
        kind,
        error.name(),
        before_reshapes(difference),
        is_stretched=_compares_all_with_all(difference),
        predictions=pair[0] if pair else None,
        targets=pair[1] if pair else None,
    )


# Autograd's nodes have attributes that their class does not declare.
_KINDS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "PowBackward0": ("mean-squared-error", lambda node: node._saved_exponent == 2),
    "AbsBackward0": ("mean-absolute-error", lambda _: True),
}


def before_reshapes(node: Node, passed: tuple[str, ...] = RESHAPES) -> Node | None:
    """The node whose result, reshaped at most, entered `node`; `None` for plain inputs."""
    while True:
        children = [child for child, _ in node.next_functions if child is not None]
        if not children:
            return None
        node = children[0]
        if not node.name().startswith(passed):
            return node


def _learned_side(difference: Node) -> tuple[Node, float] | None:
    """What depends on parameters, with its sign; `None` where both sides or none do."""
    signs = (1.0, -1.0)
    sides = zip((child for child, _ in difference.next_functions), signs, strict=True)
    learned = [(child, sign) for child, sign in sides if child is not None]
    return learned[0] if len(learned) == 1 else None


def _compared(difference: Node, values: Tensor | None) -> tuple[Tensor, Tensor] | None:
    """Predictions and targets, of which `difference` made `values`."""
    side = _learned_side(difference)
    if side is None or values is None or difference._saved_alpha != 1:
        return None
    node, sign = side
    source = before_reshapes(difference, _VIEWS) if node.name().startswith(_VIEWS) else node
    predictions = _result(source) if source is not None else None
    if predictions is None or predictions.numel() != values.numel():
        return None
    predictions = predictions.reshape(values.shape)
    return predictions, predictions - sign * values


def _compares_all_with_all(difference: Node) -> bool:
    """Whether N results became N x N differences: those of shape (N, 1) less (N) others, say."""
    side = _learned_side(difference)
    # A parameter that is compared with all data is meant so.
    if side is None or not side[0].next_functions:
        return False
    given = _size(side[0])
    return given > 1 and _size(difference) == given**2


def _size(node: Node) -> int:
    """Entries of what `node` made; 0 where torch does not tell."""
    known = getattr(node, "_input_metadata", None)
    return prod(known[0].shape) if known else 0


_KEEP_RESULT = frozenset({"SigmoidBackward0", "TanhBackward0", "ReluBackward0", "SoftmaxBackward0"})


def _result(node: Node) -> Tensor | None:
    """What `node` made, where it is kept, or is the product of a dense layer."""
    name = node.name()
    if name in _KEEP_RESULT:
        return saved_tensor(node, "_saved_result")
    if name == "MmBackward0":
        return _product(saved_tensor(node, "_saved_self"), _weights(node, 1))
    if name != "AddmmBackward0":
        return None
    bias = getattr(node.next_functions[0][0], "variable", None)
    product = _product(saved_tensor(node, "_saved_mat1"), _weights(node, 2))
    return None if product is None or bias is None else product + bias.detach()


def _weights(node: Node, position: int) -> Tensor | None:
    """The second factor of a product, from the graph where the product itself need not keep it."""
    kept = saved_tensor(node, "_saved_mat2")
    transposed, _ = node.next_functions[position]
    if kept is not None or transposed is None or transposed.name() != "TBackward0":
        return kept
    parameter = getattr(transposed.next_functions[0][0], "variable", None)
    return None if parameter is None else parameter.detach().t()


def _product(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    return None if first is None or second is None else first @ second
