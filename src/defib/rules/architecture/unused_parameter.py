"""Parameters that no operation uses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.architecture import Architecture, ParameterRecord
from defib.records.finding import Finding, Severity
from defib.rules.base import ArchitectureRule


@final
@dataclass(frozen=True)
class UnusedParameter(ArchitectureRule):
    """Parameters that no operation uses.

    ## What it detects
    Parameters of modules that are called, or of the network itself, which no operation reads:
    a warning, or information if they are frozen. Those of modules that are never called are
    reported by `uncalled-module`. Whole numbers are left out: nothing trains them.

    ## Why it matters
    They count and are saved, but get no gradient and have no effect: mostly a line of
    `forward` is missing, or uses another attribute.

    ## How it is measured
    Operations that read the parameter in one run in evaluation mode. They must be more than 0.
    Before a training, a parameter is read also where the graph of its first loss leads to it by
    more than a penalty on its size.

    ## Known false positives
    Parameters that are used in training only, or for other inputs.

    ## What to change
    Use the parameter in `forward`, or delete it.

    ## References
    - PyTorch documentation, `DistributedDataParallel`: `find_unused_parameters`.
    """

    severity = Severity.WARNING
    explains = ("parameter-without-gradient",)

    shown: int = 3
    """Names of parameters that the message lists."""

    def check_architecture(self, architecture: Architecture) -> Iterator[Finding]:
        idle = [each for each in architecture.parameters if _is_idle(architecture, each)]
        if not idle:
            return
        names = ", ".join(f"`{each.name}`" for each in idle[: self.shown])
        more = len(idle) - self.shown
        owner = idle[0].name.rpartition(".")[0]
        elements = sum(each.shape.count for each in idle)
        sites = [each.site for each in architecture.layers if each.name == owner and each.site]
        yield self.found(
            f"0 operations read {names}{f' and {more} more' if more > 0 else ''} (limit at "
            f"least 1): {elements:,} parameters have no effect.",
            "Use them in `forward`, or delete them.",
            layer=owner,
            site=sites[0] if sites else None,
            severity=Severity.WARNING if any(e.is_trainable for e in idle) else Severity.INFO,
            evidence={"parameters": elements},
        )


_WHOLE_NUMBERS = frozenset(("uint8", "int8", "int16", "int32", "int64", "uint32", "uint64", "bool"))
"""Types of elements that no optimiser trains."""


def _is_idle(architecture: Architecture, parameter: ParameterRecord) -> bool:
    is_known = parameter.is_used or parameter.shared_with != "" or parameter.shape.count == 0
    # Keras keeps the states of its seeds among the parameters.
    is_known = is_known or parameter.shape.element_type in _WHOLE_NUMBERS
    return not is_known and not any(
        parameter.name.startswith(f"{module}.") for module in architecture.uncalled
    )
