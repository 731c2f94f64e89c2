"""A state that was loaded and fits the network hardly or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import PreflightRule


@final
@dataclass(frozen=True)
class WeightsNotLoaded(PreflightRule):
    """A state that was loaded and fits the network hardly or not at all.

    ## What it detects
    `load_state_dict(..., strict=False)` after which more than half of the network's own tensors
    were missing, while the state held tensors that the network does not know.

    ## Why it matters
    Names that differ by a prefix (`module.`, `model.`) make every key a miss, and `strict=False`
    says nothing: the training starts from random weights and looks like a poor fine-tuning.

    ## How it is measured
    `missing_share` (in [0, 1]): keys of the network that the state did not have, of all;
    `unexpected_keys`: keys of the state that the network does not have. Read from the result of
    the call.

    ## Known false positives
    A small part (an embedding) that is taken out of a state for a network that is otherwise new.

    ## What to change
    Strip the prefix from the keys; load with `strict=True`, or look at the result: `missing,
    unexpected = network.load_state_dict(state, strict=False)`.

    ## References
    - PyTorch documentation, `torch.nn.Module.load_state_dict`.
    """

    severity = Severity.ERROR
    requires_preflight = ("missing_share",)

    max_share: float = 0.5
    """Share of the network's tensors that are missing, in [0, 1]: a new head is far less."""

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        for name, share in record.of("missing_share").items():
            unexpected = record.of("unexpected_keys").get(name, 0.0)
            if share > self.max_share and unexpected > 0:
                yield self.found(
                    f"`{name}.load_state_dict(..., strict=False)` found nothing for {share:.0%} "
                    "of the "
                    f"tensors of the network (limit {self.max_share:.0%}), and {unexpected:.0f} "
                    "keys of "
                    "the state belong nowhere.",
                    "Strip the prefix by which the names differ, and load with `strict=True`.",
                    severity=Severity.WARNING if share < 1 else None,
                    evidence={"missing_share": share, "unexpected_keys": unexpected},
                )
