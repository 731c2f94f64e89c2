"""Findings about an architecture for the terminal: each with its line of code."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from defib.records.finding import Finding, Severity
from defib.report.text import COLOURS, Printer


def print_findings(printer: Printer, findings: Sequence[Finding]) -> None:
    """Print what was found, the worst first."""
    for finding in sorted(findings, key=lambda each: each.severity.weight):
        printer.blank()
        colour = COLOURS[finding.severity]
        lead = printer.text(f"{_mark(printer, finding.severity)} ", colour)
        heading = printer.text(f"{finding.severity.value}[{finding.rule}]", f"bold {colour}")
        if finding.layer:
            heading.append(printer.clean(f" layer {finding.layer}"), "dim")
        printer.paragraph(heading, lead=lead, indent=2)
        printer.paragraph(printer.message(finding.message), indent=2)
        if finding.site is not None:
            place = printer.text(finding.site.label, "bold")
            place.append(printer.clean(f"  {finding.site.code}"))
            printer.cropped(place, lead=Text("  "))
        if finding.remedy:
            remedy = printer.text("What to change: ", "bold green")
            printer.paragraph(remedy + printer.message(finding.remedy), indent=2)


def _mark(printer: Printer, severity: Severity) -> str:
    symbols = printer.symbols
    return {
        Severity.ERROR: symbols.error,
        Severity.WARNING: symbols.warning,
        Severity.INFO: symbols.info,
    }[severity]
