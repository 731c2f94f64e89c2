"""A module that is defined and never called."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.architecture import Architecture
from defib.records.finding import Finding, Severity
from defib.rules.base import ArchitectureRule


@final
@dataclass(frozen=True)
class UncalledModule(ArchitectureRule):
    """A module that is defined and never called.

    ## What it detects
    A module of the network that nothing called, with none of its parameters used: a warning
    if it has parameters, information if not. Of nested ones the outermost.

    ## Why it matters
    A layer that was forgotten in `forward` does nothing. Its parameters count, are saved and
    get no gradient; with distributed training that is an error.

    ## How it is measured
    Calls of the module in one run of the network in evaluation mode. They must be more than 0.

    ## Known false positives
    Modules that are called in training only (auxiliary classifiers), for other inputs, or
    through another method of the network.

    ## What to change
    Call it in `forward`, or delete it.

    ## References
    - PyTorch documentation, `DistributedDataParallel`: `find_unused_parameters`.
    """

    severity = Severity.WARNING
    explains = ("parameter-without-gradient",)

    def check_architecture(self, architecture: Architecture) -> Iterator[Finding]:
        for name in architecture.uncalled:
            elements = sum(
                each.shape.count
                for each in architecture.parameters
                if each.name.startswith(f"{name}.") and not each.shared_with
            )
            yield self.found(
                f"`{name}` was called 0 times (limit at least 1); it holds {elements:,} "
                "parameters.",
                f"Call `{name}` in `forward`, or delete it.",
                layer=name,
                severity=Severity.WARNING if elements else Severity.INFO,
                evidence={"parameters": elements},
            )
