"""Columns of a table that hold one value only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import CannotJudge, PreflightRule


@final
@dataclass(frozen=True)
class ConstantFeature(PreflightRule):
    """Columns of a table that hold one value only.

    ## What it detects
    Features that have the same value in every example that was read.

    ## Why it matters
    They carry nothing, and standardising them divides by zero. Often they are a sign: a column
    that was filled with a default, an encoding that lost its values.

    ## How it is measured
    `constant_features` of all `features`, over the `examples` of up to 100 batches of the loader.

    ## Known false positives
    Pixels at the border, rare categories: it is information only.

    ## What to change
    Leave them out, or look where their values were lost.

    ## References
    - Ben Braiek, Khomh, *TheDeepChecker* (2023): features without variance.
    """

    severity = Severity.INFO
    requires_preflight = ("features",)

    min_examples: float = 100.0
    """Examples below which a rare category looks constant."""
    max_features: float = 0.0
    """Constant columns: by definition."""

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        examples, number = record.value("examples"), record.value("constant_features")
        if examples < self.min_examples:
            raise CannotJudge("the loader gave too few examples")
        if number > self.max_features:
            first = record.value("first_constant_feature")
            yield self.found(
                f"{number:.0f} of {record.value('features'):.0f} features have one value only in "
                f"{examples:,.0f} examples (limit {self.max_features:.0f}); the first is feature "
                f"{first:.0f}.",
                "Leave these features out, or look where their values were lost.",
                evidence={"constant_features": number},
            )
