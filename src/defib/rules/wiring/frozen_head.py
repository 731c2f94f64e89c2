"""A last layer that is frozen while layers before it are trained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import PreflightRule


@final
@dataclass(frozen=True)
class FrozenHead(PreflightRule):
    """A last layer that is frozen while layers before it are trained.

    ## What it detects
    A last layer none of whose parameters requires a gradient, in a network that is trained: a
    warning where its weights are as a fresh layer's are, information where they are not.

    ## Why it matters
    A new head is the one layer that knows nothing of the task. Frozen as it was drawn, the layers
    before it must be bent to fit random directions; the freeze was meant for those.

    ## How it is measured
    `frozen_head` (0 or 1), of the last layer with parameters that runs in a forward pass.
    `fresh_head` (0 or 1): spread, largest entry and tails of its weights lie among those of 20
    copies of the layer that draw their weights anew, with as much slack as these differ.

    ## Known false positives
    Random projections that are frozen on purpose. A trained head whose entries are distributed
    as at the start.

    ## What to change
    Freeze the backbone by name, and call `requires_grad_(True)` on the head after that.

    ## References
    - PyTorch tutorials, *Transfer Learning for Computer Vision*: the head is made anew after the
      freeze.
    """

    severity = Severity.WARNING
    requires_preflight = ("frozen_head",)
    explains = ("loss-plateau",)

    min_fresh: float = 1.0
    """1 where the weights are as drawn: by definition."""

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        for name, is_frozen in record.of("frozen_head").items():
            if is_frozen != 1:
                continue
            is_fresh = record.value("fresh_head", name) >= self.min_fresh
            how = "still has the weights that it was made with" if is_fresh else "is frozen"
            yield self.found(
                f"`{name}`, the last layer, {how}, and none of its parameters requires a gradient "
                "(limit all), while layers before it are trained.",
                f"Call `{name}.requires_grad_(True)`, and freeze the layers before it.",
                layer=name,
                site=record.facts.site_of_layer(name),
                severity=None if is_fresh else Severity.INFO,
            )
