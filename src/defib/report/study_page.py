"""Studies as HTML: a page for each that needs nothing else, and an index of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

from defib.records.study import Claim, StudyResult, Table, Verdict
from defib.report.environment import template_environment
from defib.report.study_figures import StudyPicture
from defib.report.study_text import counted_verdict, numbers_text, readable, tally

KINDS = {Verdict.HOLDS: "healthy", Verdict.FAILS: "error", Verdict.UNDECIDED: "warning"}
"""The style in which a verdict is shown."""

MOST_ROWS = 60
"""Of a table on the page; `result.json` has them all."""


@final
@dataclass(frozen=True)
class ClaimView:
    """A claim with its numbers in words, and the style of its verdict."""

    claim: Claim
    kind: str
    numbers: str
    published: str


@final
@dataclass(frozen=True)
class TableView:
    """A table with its entries as text; `hidden` rows are left out."""

    name: str
    keys: int
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    hidden: int


def render_study(
    result: StudyResult, pictures: Sequence[StudyPicture], *, page: str, index: str = ""
) -> str:
    """The page of a study. `page` is its docstring, `index` the address of the index, if any."""
    question, _, protocol = page.partition("\n")
    return _filled(
        "study.html.j2",
        result=result,
        question=question,
        protocol=[" ".join(part.split()) for part in protocol.split("\n\n") if part.strip()],
        claims=[_claim_view(claim) for claim in result.claims],
        tally=tally(result.claims),
        pictures=pictures,
        tables=[_table_view(name, table) for name, table in result.tables.items()],
        index=index,
    )


def render_index(results: Mapping[str, StudyResult], questions: Mapping[str, str]) -> str:
    """The index of several studies: one line each, then all their claims. Keys are addresses."""
    claims = [claim for result in results.values() for claim in result.claims]
    return _filled(
        "study_index.html.j2",
        results=results,
        questions=questions,
        tally=tally(claims),
        counts={
            result.study: [
                (KINDS[each], counted_verdict(each, result.count(each)))
                for each in Verdict
                if result.count(each)
            ]
            for result in results.values()
        },
        views={
            result.study: [_claim_view(claim) for claim in result.claims]
            for result in results.values()
        },
    )


# object: whatever the template names.
def _filled(template: str, **values: object) -> str:
    return template_environment().get_template(template).render(values)


def _claim_view(claim: Claim) -> ClaimView:
    published = claim.published
    numbers = numbers_text(published.numbers) if published else ""
    return ClaimView(claim, KINDS[claim.verdict], numbers_text(claim.numbers), numbers)


def _table_view(name: str, table: Table) -> TableView:
    heads, rows = readable(table)
    return TableView(name, table.keys, heads, rows[:MOST_ROWS], len(rows[MOST_ROWS:]))
