"""A run and its diagnosis as one HTML file that needs nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from defib.records.finding import Cause, Diagnosis, Finding
from defib.records.run import RunRecord
from defib.records.trial import Proof
from defib.report.environment import badge_of, template_environment
from defib.report.figures.gallery import finding_picture, learning_rate_picture, loss_picture
from defib.report.figures.kind import Picture
from defib.report.proof_view import view_of

MOST_PICTURES = 8
"""Of causes; whoever has more than that begins with the first ones."""
MOST_EVENTS = 50


@final
@dataclass(frozen=True)
class CauseView:
    """A cause with its picture, and its symptoms by rule."""

    rank: int
    finding: Finding
    picture: Picture | None
    symptoms: tuple[tuple[str, str], ...]
    others: tuple[str, ...]
    """Layers in which the same was found."""


def render_html(record: RunRecord, diagnosis: Diagnosis, proof: Proof | None = None) -> str:
    """The page: no script, no address, nothing loaded; any name of the user's is text."""
    causes = tuple(
        _cause_view(record, cause, rank) for rank, cause in enumerate(diagnosis.causes, start=1)
    )
    loss = loss_picture(record, diagnosis)
    if loss in [cause.picture for cause in causes]:
        loss = None
    return (
        template_environment()
        .get_template("page.html.j2")
        .render(
            record=record,
            diagnosis=diagnosis,
            badge=badge_of(diagnosis),
            causes=causes,
            proof=view_of(proof) if proof is not None else None,
            loss=loss,
            rates=learning_rate_picture(record),
            sizes=_layer_sizes(record),
            most_events=MOST_EVENTS,
        )
    )


def _cause_view(record: RunRecord, cause: Cause, rank: int) -> CauseView:
    symptoms: dict[str, str] = {}
    for symptom in cause.symptoms:
        symptoms.setdefault(symptom.rule, symptom.message)
    layers = dict.fromkeys(each.layer for each in cause.also if each.layer)
    picture = finding_picture(record, cause.finding) if rank <= MOST_PICTURES else None
    return CauseView(rank, cause.finding, picture, tuple(symptoms.items()), tuple(layers))


def _layer_sizes(record: RunRecord) -> dict[str, int]:
    """Number of parameters of each layer itself."""
    sizes: dict[str, int] = {}
    for parameter in record.parameters:
        sizes[parameter.layer] = sizes.get(parameter.layer, 0) + parameter.size
    return sizes
