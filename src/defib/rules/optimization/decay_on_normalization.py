"""Weight decay on the scales and offsets of normalisation layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import PreflightRule


@final
@dataclass(frozen=True)
class DecayOnNormalization(PreflightRule):
    """Weight decay on the scales and offsets of normalisation layers.

    ## What it detects
    A parameter group with weight decay that holds parameters of normalisation layers.

    ## Why it matters
    Decay pulls the scales of a normalisation towards 0, where they say nothing: it does not
    keep the network small, since the next layer can undo it, and costs some accuracy where it is
    strong. Most published recipes leave normalisation layers and biases out.

    ## How it is measured
    `decayed_scales`: elements of normalisation layers in the group (must be 0), where its pull
    over the run could matter: `group_weight_decay` of `min_decay` or more.

    ## Known false positives
    Recipes that decay everything and are tuned for it: it is information only.

    ## What to change
    Two groups: `{"params": matrices, "weight_decay": 0.1}` and
    `{"params": others, "weight_decay": 0}`, where the others have one axis.

    ## References
    - He, Zhang, Zhang, Zhang, Xie, Li, *Bag of Tricks for Image Classification with Convolutional
      Neural Networks* (2019), section 3.1: no bias decay.
    - torch-audit, rules TA401 to TA403.
    """

    severity = Severity.INFO
    requires_preflight = ("group_weight_decay",)

    min_decay: float = 1e-3
    """Weight decay, dimensionless: the 1e-4 of the usual recipe for residual networks with batch
    normalisation decays everything without harm (He et al. 2016)."""

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        for group, scales in record.of("decayed_scales").items():
            decay = record.of("group_weight_decay").get(group, 0.0)
            if scales > 0 and decay >= self.min_decay:
                yield self.found(
                    f"`{group}` pulls {scales:,.0f} elements of normalisation layers towards 0 "
                    f"(limit 0), with a weight decay of {decay:g}.",
                    "Put parameters with one axis (scales, offsets, biases) into a group with "
                    "`weight_decay=0`.",
                    site=record.facts.site_of_optimizer(group.partition("[")[0]),
                    evidence={"elements": scales, "weight_decay": decay},
                )
