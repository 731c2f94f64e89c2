"""Outputs for one sample that depend on other samples of the batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.records.site import Site
from defib.rules.base import PreflightRule


@final
@dataclass(frozen=True)
class SamplesMixedInBatch(PreflightRule):
    """Outputs for one sample that depend on other samples of the batch.

    ## What it detects
    A network that, in evaluation mode, changes its output for one sample when another sample of
    the batch is replaced.

    ## Why it matters
    The label of a sample is then compared with features of others. The usual reasons are a
    `view` or `reshape` that moves the batch axis, a `permute` too few or too many, and a
    recurrent or attention layer that takes the batch axis for time (`batch_first`).

    ## How it is measured
    `mixed_sample_fraction` (in [0, 1], must be 0): the first, middle and last sample are replaced
    one by one on a copy; counted are other samples whose output changes by more than 1e-4 of
    the largest output.

    ## Known false positives
    Networks whose samples interact on purpose: graphs of nodes, contrastive heads, attention
    across the batch. Where some tensor has an entry for each pair of samples (an adjacency
    matrix), it is told as information only.

    ## What to change
    Keep the batch axis first: `flatten(1)` instead of `view`, `permute` instead of `view` for
    swapping axes, `batch_first=True`.

    ## References
    - Karpathy, *A Recipe for Training Neural Networks* (2019): use backprop to chart
      dependencies.
    - Ben Braiek, Khomh, *TheDeepChecker* (2023).
    """

    severity = Severity.ERROR
    requires_preflight = ("mixed_sample_fraction",)
    explains = ("cannot-fit-one-batch", "loss-plateau")

    max_fraction: float = 0.0
    """Share of the other samples, in [0, 1]."""

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        fraction = record.value("mixed_sample_fraction")
        if not fraction > self.max_fraction:
            return
        is_graph = record.value("square_input") == 1
        own = record.value("own_sample_fraction")
        also = "" if own > 0 else ", and its own output does not"
        yield self.found(
            f"When one sample of the batch is replaced, the output of `{record.network}` changes "
            f"for {fraction:.0%} of the other samples (limit {self.max_fraction:.0%}){also}.",
            "Keep the batch axis first: `flatten(1)` instead of `view`, `permute` to swap axes, "
            "`batch_first=True` for recurrent and attention layers.",
            severity=Severity.INFO if is_graph else self.severity,
            site=_site(record),
            evidence={"mixed_sample_fraction": fraction},
        )


def _site(record: PreflightRecord) -> Site | None:
    """A layer that takes sequences, if there is one: it is the most likely place."""
    layers = record.facts.layers
    sequential = ("LSTM", "GRU", "RNN", "MultiheadAttention", "Transformer")
    found = [each.site for each in layers if each.kind.startswith(sequential)]
    return next((each for each in found if each is not None), None)
