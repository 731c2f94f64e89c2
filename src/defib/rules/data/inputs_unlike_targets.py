"""Labels of which the most similar example says nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import CannotJudge, PreflightRule


@final
@dataclass(frozen=True)
class InputsUnlikeTargets(PreflightRule):
    """Labels of which the most similar example says nothing.

    ## What it detects
    Class labels that nearest neighbours among the inputs share no more often than by chance.

    ## Why it matters
    Where similar inputs do not have similar labels, either the task needs more than similarity,
    or labels and inputs were joined wrongly: a shifted index, a sort of one and not of the other.

    ## How it is measured
    `neighbour_excess`: agreement of the labels of nearest neighbours (Euclidean, features in
    units of their standard deviation) less that of shuffled labels, in standard errors of the
    latter, over up to 1000 examples of the loader.

    ## Known false positives
    Tasks in which the nearest example truly says nothing (parity, texts, large photographs). It
    is information only.

    ## What to change
    Look at a dozen examples with their labels as the loader gives them.

    ## References
    - Cover, Hart, *Nearest Neighbor Pattern Classification* (1967): its error is at most twice
      the least possible one, given enough examples.
    - Ben Braiek, Khomh, *TheDeepChecker* (2023).
    """

    severity = Severity.INFO
    requires_preflight = ("neighbour_excess",)

    min_excess: float = 3.0
    """Standard errors above chance: shuffled labels exceed it once in 700 checks (normal)."""
    min_examples: float = 200.0
    """Examples below which nothing is said."""

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        if record.value("neighbour_examples") < self.min_examples:
            raise CannotJudge("the loader gave too few examples")
        if record.value("chance_agreement") > 0.95:
            raise CannotJudge("nearly all examples have the same label")
        excess = record.value("neighbour_excess")
        if excess < self.min_excess:
            agreement, chance = (
                record.value("neighbour_agreement"),
                record.value("chance_agreement"),
            )
            yield self.found(
                f"{agreement:.1%} of the examples have the label of their nearest neighbour, "
                f"{chance:.1%} "
                f"would by chance: {excess:.1f} standard errors more (limit {self.min_excess:g}).",
                "Look at some examples with their labels as the loader gives them: they may be "
                "joined wrongly.",
                evidence={"agreement": agreement, "chance": chance},
            )
