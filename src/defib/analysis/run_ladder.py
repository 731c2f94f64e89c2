"""Runs a network for its trace: without numbers if that is possible, with them if it is not."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensorMode,
    UnsupportedFakeTensorException,
)

from defib.analysis.example import Inputs
from defib.analysis.model_copy import CopyFailed, borrowed, meta_copy
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
    for attempt, told in _RUNGS:
        try:
            next_trace = attempt(network, inputs)
        except CopyFailed:
            continue
        if not needs_numbers(next_trace):
            return TracedRun(next_trace, inputs, (*notes, told.format(reason=reason)))
    return TracedRun(first, inputs, notes)


def run_on_meta(network: nn.Module, inputs: Inputs) -> Trace:
    """Trace a copy without numbers, or the network itself where it cannot be copied."""
    given = inputs.on_meta()
    with _without_numbers(network) as lent:
        return trace(lent.eval(), given.arguments, given.keywords)


def needs_numbers(result: Trace) -> bool:
    """Whether a trace stopped because there were no numbers, not because of a fault."""
    if result.failure is None:
        return False
    error = result.failure.error
    words = str(error).lower()
    return isinstance(error, _NEED_NUMBERS) or "meta" in words or "faketensor" in words


@contextmanager
def _without_numbers(network: nn.Module) -> Iterator[nn.Module]:
    try:
        copied = meta_copy(network)
    except CopyFailed:
        with borrowed(network) as lent:
            yield lent
    else:
        yield copied


def _run_with_fake_tensors(network: nn.Module, inputs: Inputs) -> Trace:
    copied = meta_copy(network).eval()
    given = inputs.on_meta()
    with FakeTensorMode(allow_non_fake_inputs=True):
        fakes: dict[int, Tensor] = {}
        for module in copied.modules():
            holders: list[Any] = [module._parameters, module._buffers, vars(module)]
            for tensors in holders:
                for name, tensor in tensors.items():
                    if isinstance(tensor, Tensor) and tensor.is_meta:
                        tensors[name] = fakes.setdefault(id(tensor), _fake(tensor))
        given = given.replaced(_fake)
        return trace(copied, given.arguments, given.keywords)


def _fake(tensor: Tensor) -> Tensor:
    """A tensor that says it is on the processor; to be called in the fake mode."""
    fake = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype)
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(fake, requires_grad=tensor.requires_grad)
    return fake.requires_grad_(tensor.requires_grad)


def _run_with_numbers(network: nn.Module, inputs: Inputs) -> Trace:
    if any(each.is_meta for each in network.parameters()):
        raise CopyFailed("the network has no numbers: it is on the meta device")
    try:
        copied = copy.deepcopy(network).cpu().eval()
    except Exception as error:  # anything may be an attribute of a user's module
        raise CopyFailed(f"{type(error).__name__}: {error}") from error
    given = inputs.on_processor()
    return trace(copied, given.arguments, given.keywords)


_RUNGS: tuple[tuple[Callable[[nn.Module, Inputs], Trace], str], ...] = (
    (
        _run_with_fake_tensors,
        "The code asks for the value of a constant ({reason}); traced with fake tensors.",
    ),
    (
        _run_with_numbers,
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
