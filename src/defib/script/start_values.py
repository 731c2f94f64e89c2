"""The numbers that a network starts with, where it was built without any."""

from __future__ import annotations

from dataclasses import replace

from defib.analysis.parameter_values import with_values
from defib.discovery.random_state import randomness_restored
from defib.errors import UsageError
from defib.records.architecture import Architecture
from defib.script.inspected import Request, Subject
from defib.script.signals import network_with_numbers

LARGEST = 10_000_000
"""Parameters of a network that is built once more with its numbers: 40 MB, a part of a second."""


def with_start_values(
    request: Request, subject: Subject, architecture: Architecture
) -> Architecture:
    """The architecture with what the start values say; as it was where they are not to be had.

    Two rules ask for them (all weights zero, all units alike), and no other figure.
    """
    parameters = list(subject.network.parameters())
    is_numbered = not any(each.is_meta for each in parameters)
    if is_numbered or sum(each.numel() for each in parameters) > LARGEST:
        return architecture
    with randomness_restored():
        try:
            network = network_with_numbers(request, subject)
        except UsageError:
            return architecture
    return replace(architecture, parameters=with_values(architecture.parameters, network))
