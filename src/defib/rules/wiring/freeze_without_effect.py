"""`module.requires_grad = False`, which freezes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import PreflightRule


@final
@dataclass(frozen=True)
class FreezeWithoutEffect(PreflightRule):
    """`module.requires_grad = False`, which freezes nothing.

    ## What it detects
    A module with an attribute `requires_grad` that is false, while its parameters do require
    a gradient.

    ## Why it matters
    A module has no such setting: Python makes a new attribute, and the layers that were meant to
    be frozen are trained. Pretrained features are lost without a word.

    ## How it is measured
    `idle_freeze` (elements, must be 0): parameters that require a gradient below a module with
    the attribute.

    ## Known false positives
    A module class with an attribute of that name and another meaning.

    ## What to change
    `module.requires_grad_(False)`, with an underscore.

    ## References
    - PyTorch documentation, `torch.nn.Module.requires_grad_`.
    """

    severity = Severity.ERROR
    requires_preflight = ("idle_freeze",)

    max_elements: float = 0.0
    """Elements of parameters: by definition."""

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        for name, elements in record.of("idle_freeze").items():
            if elements > self.max_elements:
                yield self.found(
                    f"`{name or record.network}.requires_grad` was set to False, and "
                    f"{elements:,.0f} "
                    f"elements of its parameters still require a gradient (limit "
                    f"{self.max_elements:.0f}).",
                    f"Call `{name or 'network'}.requires_grad_(False)`.",
                    layer=name,
                    site=record.facts.site_of_layer(name),
                    evidence={"elements": elements},
                )
