"""A network none of whose parameters is trained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.architecture import Architecture
from defib.records.finding import Finding, Severity
from defib.rules.base import ArchitectureRule


@final
@dataclass(frozen=True)
class FrozenNetwork(ArchitectureRule):
    """A network none of whose parameters is trained.

    ## What it detects
    A network with parameters of which none requires a gradient.

    ## Why it matters
    No gradient is computed and no optimiser changes anything.

    ## How it is measured
    The number of elements of parameters that require a gradient, tied ones once. It must be
    more than 0.

    ## Known false positives
    A network that is inspected for prediction only, or whose head is added later.

    ## What to change
    `network.requires_grad_(True)`, or for the new head alone. `module.requires_grad = True`
    does nothing: it sets an attribute of the module.

    ## References
    - PyTorch documentation, *Autograd mechanics*: setting `requires_grad`.
    """

    severity = Severity.WARNING

    def check_architecture(self, architecture: Architecture) -> Iterator[Finding]:
        distinct = [each for each in architecture.parameters if not each.shared_with]
        if not distinct or any(each.is_trainable for each in distinct):
            return
        elements = sum(each.shape.count for each in distinct)
        yield self.found(
            f"0 of the {elements:,} parameters require a gradient (limit at least 1): nothing "
            f"can be trained in `{architecture.name}`.",
            "Call `requires_grad_(True)` on the network, or on the part that is to be trained.",
            evidence={"parameters": elements},
        )
