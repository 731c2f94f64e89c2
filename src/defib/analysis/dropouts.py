"""Where a network drops units: read off the functions, as evaluation mode runs no operator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from defib.analysis.functions.arguments import argument
from defib.analysis.trace import FunctionCall, Trace, Value
from defib.records.architecture import DropoutRecord

DROPOUTS = frozenset(
    (
        "dropout",
        "dropout1d",
        "dropout2d",
        "dropout3d",
        "alpha_dropout",
        "feature_dropout",
        "feature_alpha_dropout",
    )
)
"""Functions that take the input and the probability of a zero, in this order."""

PROBABILITY = 0.5
"""Of a dropout that names none. Source: torch."""


def dropout_records(trace: Trace) -> tuple[DropoutRecord, ...]:
    """Every dropout whose probability is not 0, in the order of the run."""
    return tuple(_records(trace))


def still_dropping(
    dropouts: Iterable[DropoutRecord], evaluated: Iterable[DropoutRecord]
) -> tuple[DropoutRecord, ...]:
    """`dropouts` of a network that was told to train: always on are those that also drop units
    where it was told not to, among `evaluated`."""
    left = Counter(_identity(each) for each in evaluated if each.is_always_on)
    found: list[DropoutRecord] = []
    for each in dropouts:
        is_on = each.is_always_on and left[_identity(each)] > 0
        left[_identity(each)] -= is_on
        found.append(replace(each, is_always_on=is_on))
    return tuple(found)


def _identity(dropout: DropoutRecord) -> tuple[object, ...]:
    """What is the same of a dropout in another run; layers of Keras may share it."""
    return dropout.layer, dropout.call, dropout.probability, dropout.site


def _records(trace: Trace) -> Iterator[DropoutRecord]:
    seen: set[tuple[int, int, int]] = set()
    for function in trace.functions:
        features = argument(function, 0, "input")
        probability = argument(function, 1, "p", PROBABILITY)
        if function.name not in DROPOUTS or not isinstance(features, Value) or not probability:
            continue
        # `F.dropout` calls `torch.dropout`: one dropout, two functions.
        moment = (features.index, function.call, function.next_operation)
        if moment not in seen:
            seen.add(moment)
            yield _record(trace, function, features, float(probability))


def _record(
    trace: Trace, function: FunctionCall, features: Value, probability: float
) -> DropoutRecord:
    call = trace.calls[function.call] if function.call >= 0 else None
    return DropoutRecord(
        call.name if call is not None else "",
        probability,
        features.producer,
        function.next_operation,
        call.count if call is not None else 0,
        bool(argument(function, 2, "training", True)),
        function.site or (call.site if call is not None else None),
    )
