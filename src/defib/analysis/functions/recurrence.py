"""Recurrent layers and cells as the code calls them."""

from __future__ import annotations

from collections.abc import Sequence

from defib.analysis.functions.arguments import argument
from defib.analysis.operators.recurrence import recurrent_macs
from defib.analysis.trace import FunctionCall, Value
from defib.records.expression import Expression


def recurrent_function_macs(call: FunctionCall) -> Expression | None:
    """Of `lstm(input, hx, weights, ...)` and, for packed sequences, `lstm(data, sizes, hx, ...)`.

    A packed sequence has as many steps as it has elements in all.
    """
    features = argument(call, 0, "input")
    lists = [each for each in call.arguments[2:4] if _is_list_of_values(each)]
    if not lists or not isinstance(features, Value):
        return None
    weights = lists[-1]
    *leading, _ = features.shape.dimensions
    if len(leading) == 1:
        return recurrent_macs(weights, leading[0], 1)
    # batch_first is the last argument.
    steps, batch = reversed(leading) if call.arguments[-1] is True else leading
    return recurrent_macs(weights, steps, batch)


def cell_macs(call: FunctionCall) -> Expression:
    """Of `lstm_cell(input, hx, w_ih, w_hh, ...)` and its relatives."""
    features = argument(call, 0, "input")
    weights = [argument(call, 2, "w_ih"), argument(call, 3, "w_hh")]
    *leading, _ = features.shape.dimensions
    return recurrent_macs(weights, 1, leading[0] if leading else 1)


def _is_list_of_values(tree: object) -> bool:
    return isinstance(tree, Sequence) and any(isinstance(each, Value) for each in tree)
