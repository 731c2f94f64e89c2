"""How templates are filled: what is escaped, and which words they have for a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from defib.records.finding import Diagnosis, Severity, Status
from defib.report import quantities
from defib.report.printable import printable, spans_of_code


@final
@dataclass(frozen=True)
class Badge:
    """The verdict in two words, and the style in which they are shown."""

    text: str
    kind: str


class HasSvg(Protocol):
    """A drawn figure. A protocol, so that a page without figures needs no matplotlib."""

    @property
    def svg(self) -> str: ...


def badge_of(diagnosis: Diagnosis) -> Badge:
    """What the verdict is called, by its status and the severity of its first cause."""
    if diagnosis.status is Status.FINDINGS and diagnosis.causes:
        return {
            Severity.ERROR: Badge("Fault found", "error"),
            Severity.WARNING: Badge("Needs attention", "warning"),
            Severity.INFO: Badge("Worth knowing", "info"),
        }[diagnosis.causes[0].finding.severity]
    return {
        Status.HEALTHY: Badge("No fault found", "healthy"),
        Status.FINDINGS: Badge("Fault found", "error"),
        Status.UNDECIDED: Badge("Undecided", "warning"),
        Status.NOT_TRAINED: Badge("Nothing trained", "warning"),
    }[diagnosis.status]


@cache
def template_environment() -> Environment:
    """Jinja with escaping always on, and the filters that the templates use."""
    environment = Environment(
        loader=PackageLoader("defib.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters.update(
        number=quantities.number,
        percent=quantities.percent,
        duration=quantities.duration,
        count=quantities.count,
        step_range=quantities.step_range,
        label=quantities.label_of,
        enumeration=quantities.enumeration,
        spans=spans_of_code,
        svg=_own_svg,
    )
    environment.globals["quantity"] = quantities.quantity
    return environment


def _shown(value: Any) -> Any:  # Jinja hands over whatever an expression gave
    is_text = isinstance(value, str) and not isinstance(value, Markup)
    return printable(value) if is_text else value


def _own_svg(picture: HasSvg) -> Markup:
    """The only markup that does not come from a template: drawn and escaped by ourselves."""
    return Markup(picture.svg)
