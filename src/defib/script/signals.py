"""Signals and gradients of the network that is inspected, at its first weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from defib.analysis.signal_propagation.measured import measure_signal_propagation, random_batch
from defib.analysis.signal_propagation.results import SignalPropagation
from defib.errors import UsageError
from defib.records.architecture import Architecture
from defib.script.inspected import Request, Subject, named_network
from defib.script.user_error import described


def signals_of(request: Request, subject: Subject, architecture: Architecture) -> SignalPropagation:
    """Moments of values and gradients by layer, for the script's batch or normal numbers.

    A network that was built without numbers is built again with them, from seed 0. Raises
    `UsageError` where it does not run.
    """
    if subject.keywords:
        raise UsageError("`--signals` does not take inputs by name: give them with `--input`.")
    network = network_with_numbers(request, subject)
    examples = subject.arguments or tuple(
        each.example
        for each in subject.guesses
        if tuple(each.example.shape) == architecture.inputs[0].dimensions
    )
    try:
        numbers = [_with_numbers(network, each) for each in examples]
        return measure_signal_propagation(network, *numbers)
    except UsageError:
        raise
    except Exception as error:  # the user's code: whatever it raises is the answer
        raise UsageError(f"`{subject.name}` does not run: {described(error)}") from error


def network_with_numbers(request: Request, subject: Subject) -> nn.Module:
    """The network itself, or, where it was built without numbers, a new one from seed 0."""
    if not any(each.is_meta for each in subject.network.parameters()):
        return subject.network
    torch.manual_seed(0)
    return named_network(request, is_meta=False)


def _with_numbers(network: nn.Module, given: Any) -> Any:  # an input that is no tensor stays
    if not isinstance(given, Tensor) or not given.is_meta:
        return given
    if given.is_floating_point():
        return random_batch(network, given.shape)
    return torch.zeros(given.shape, dtype=given.dtype)
