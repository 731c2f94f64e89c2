"""Whether defib, watching a study's trainings as `defib run` does, is silent on healthy ones."""

from __future__ import annotations

from collections.abc import Iterable

from defib.records.study import Claim, StudyResult, Table
from defib.studies.intervals import always
from defib.studies.tables import table

TABLE = "watched"


def watched_table(found: Iterable[tuple[str, tuple[str, ...]]]) -> Table:
    """For each training, by name, the rules that `defib.studies.diagnosed.watched` named."""
    rows = [(name, len(rules), ", ".join(rules)) for name, rules in found]
    return table("training", "findings rules", rows)


def silence_claim(result: StudyResult) -> Claim:
    """No finding in any training of the table `watched`, which holds the healthy ones."""
    watched = result.by_seed(TABLE)
    findings = watched.numbers("findings")
    named = sum(count > 0 for count in findings)
    return Claim(
        "defib-is-silent",
        "defib, watching with its default settings, finds no fault in these healthy trainings.",
        always(count == 0 for count in findings),
        {"warned": named, "of": len(findings)},
    )
