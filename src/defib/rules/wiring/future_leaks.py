"""A network that predicts the next token and has seen it already."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import PreflightRule


@final
@dataclass(frozen=True)
class FutureLeaks(PreflightRule):
    """A network that predicts the next token and has seen it already.

    ## What it detects
    Outputs of earlier positions that change with the last token, where the targets are the input
    tokens moved by one.

    ## Why it matters
    The loss falls to nearly zero by copying, and the network can predict nothing once the future
    is not there. Usually a causal mask is missing, of the wrong kind, or not passed on.

    ## How it is measured
    `leaking_positions` (in [0, 1], must be 0): on a copy in evaluation mode the last token of
    every sample is replaced; counted are earlier positions whose output changes by more than 1e-4
    of the largest output.

    ## Known false positives
    None known: a target that the network may see is no prediction.

    ## What to change
    `is_causal=True` together with a mask in `nn.TransformerEncoder`, `is_causal=True` in
    `scaled_dot_product_attention`, one direction in a recurrent layer, padding on the left only
    in a convolution.

    ## References
    - Vaswani et al., *Attention Is All You Need* (2017), section 3.2.3: masking in the decoder.
    """

    severity = Severity.ERROR
    requires_preflight = ("leaking_positions",)

    max_share: float = 0.0
    """Share of the earlier positions, in [0, 1]: by definition."""

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        share = record.value("leaking_positions")
        if share > self.max_share:
            yield self.found(
                f"When the last token is replaced, the output changes at {share:.0%} of the "
                "earlier "
                f"positions (limit {self.max_share:.0%}), each of which is to predict the next "
                "token.",
                "Mask the future: `is_causal=True` in attention, one direction in recurrent "
                "layers.",
                site=record.loss.site if record.loss else None,
                evidence={"leaking_positions": share},
            )
