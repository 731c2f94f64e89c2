"""Runs a network for its trace: without numbers if that is possible, with them if it is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import nn
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    UnsupportedFakeTensorException,
)

from defib.analysis.example import Inputs
from defib.analysis.lending import Lender, with_fake_tensors, with_numbers, without_numbers
from defib.analysis.model_copy import CopyFailed
from defib.analysis.trace import Trace, trace

_NEED_NUMBERS = (
    NotImplementedError,
    DataDependentOutputException,
    DynamicOutputShapeException,
    UnsupportedFakeTensorException,
)


@final
@dataclass(frozen=True)
class TracedRun:
    """A trace with the inputs that it was made of, and how it was made where that matters."""

    trace: Trace
    inputs: Inputs
    notes: tuple[str, ...] = ()
    lend: Lender = without_numbers
    """Gives the network once more in the state in which it was run."""


def traced_run(network: nn.Module, inputs: Inputs) -> TracedRun:
    """Trace `network` in evaluation mode; the network itself is left as it is.

    On the meta device first. Where the code asks for values of tensors, with fake tensors
    (which know the values of constants), at last with a copy on the processor.
    """
    first = run_on_meta(network, inputs)
    if _is_type_mismatch(first) and inputs.has_guessed_type:
        inputs = inputs.with_type(torch.int64)
        note = "The inputs were taken to be whole numbers (int64): the network embeds them."
        first = run_on_meta(network, inputs)
    else:
        note = ""
    notes = (note,) if note else ()
    if not needs_numbers(first):
        return TracedRun(first, inputs, notes)
    reason = _first_line(first)
    for lend, told in _RUNGS:
        try:
            next_trace = _run(network, inputs, lend)
        except CopyFailed:
            continue
        if not needs_numbers(next_trace):
            return TracedRun(next_trace, inputs, (*notes, told.format(reason=reason)), lend)
    return TracedRun(first, inputs, notes)


def run_on_meta(network: nn.Module, inputs: Inputs) -> Trace:
    """Trace a copy without numbers, or the network itself where it cannot be copied."""
    return _run(network, inputs, without_numbers)


def needs_numbers(result: Trace) -> bool:
    """Whether a trace stopped because there were no numbers, not because of a fault."""
    if result.failure is None:
        return False
    error = result.failure.error
    words = str(error).lower()
    return isinstance(error, _NEED_NUMBERS) or "meta" in words or "faketensor" in words


def _run(network: nn.Module, inputs: Inputs, lend: Lender) -> Trace:
    with lend(network, inputs) as (lent, given):
        return trace(lent.eval(), given.arguments, given.keywords)


_RUNGS: tuple[tuple[Lender, str], ...] = (
    (
        with_fake_tensors,
        "The code asks for the value of a constant ({reason}); traced with fake tensors.",
    ),
    (
        with_numbers,
        "The code asks for values of tensors ({reason}); a copy was run on the processor, and "
        "what depends on values holds for these inputs only.",
    ),
)


def _is_type_mismatch(result: Trace) -> bool:
    """Whether an embedding was given something else than whole numbers."""
    return result.failure is not None and "scalar types: Long, Int" in str(result.failure.error)


def _first_line(result: Trace) -> str:
    if result.failure is None:
        return ""
    text = str(result.failure.error).strip() or type(result.failure.error).__name__
    return text.splitlines()[0].split(". ")[0].rstrip(".")
