"""A check before the first step, for the terminal: verdict, findings, and a line for each rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from defib.records.finding import NotEvaluated, Severity, Status
from defib.records.preflight import Checkup
from defib.report.finding_text import print_findings
from defib.report.quantities import count, duration, enumeration
from defib.report.text import COLOURS, Printer


def print_checkup(checkup: Checkup, console: Console, *, details: bool = False) -> None:
    """Print what is wrong, what passed, and what could not be judged.

    `details` gives every rule that passed by name, and every rule that could not judge a line.
    """
    printer = Printer(console)
    _print_summary(printer, checkup)
    for cause in checkup.causes:
        print_findings(printer, [cause.finding, *cause.also])
        if cause.symptoms:
            names = tuple(dict.fromkeys(each.rule for each in cause.symptoms))
            lead = printer.text("  explains: ", "bold")
            printer.paragraph(printer.text(enumeration(names)), lead=lead, indent=12)
    printer.blank()
    _print_passed(printer, checkup.passed, details=details)
    _print_not_evaluated(printer, checkup.not_evaluated, details=details)
    for note in checkup.notes:
        printer.paragraph(printer.message(note), lead=printer.text("  note: ", "bold"), indent=8)
    effort = f"Stopped before the first step; measured on copies in {duration(checkup.seconds)}."
    printer.paragraph(printer.text(effort, "dim"), indent=2)


def _print_summary(printer: Printer, checkup: Checkup) -> None:
    symbols = printer.symbols
    mark, colour = symbols.healthy, "green"
    if checkup.status is Status.FINDINGS:
        worst = min((each.severity for each in checkup.findings), key=lambda each: each.weight)
        colour = COLOURS[worst]
        mark = symbols.error if worst is Severity.ERROR else symbols.warning
    text = printer.message(checkup.summary)
    text.stylize("bold")
    printer.paragraph(text, lead=printer.text(f"{mark} ", f"bold {colour}"), indent=2)


def _print_passed(printer: Printer, passed: Sequence[str], *, details: bool) -> None:
    lead = printer.text(f"  {printer.symbols.healthy} ", "green")
    if details:
        for name in passed:
            printer.paragraph(printer.text(name), lead=lead, indent=4)
    elif passed:
        text = f"{count(len(passed), 'rule')} passed: {', '.join(passed)}"
        printer.paragraph(printer.text(text, "dim"), lead=lead, indent=4)


def _print_not_evaluated(
    printer: Printer, silent: Sequence[NotEvaluated], *, details: bool
) -> None:
    by_reason: defaultdict[str, list[str]] = defaultdict(list)
    for each in silent:
        by_reason[each.rule if details else each.reason].append(
            each.reason if details else each.rule
        )
    for head, rest in by_reason.items():
        lead = Text("  ") + printer.text("- ", "yellow")
        first, second = (head, ", ".join(rest)) if details else (", ".join(rest), head)
        line = printer.text(f"not evaluated: {first} ") + printer.text(f"({second})", "dim")
        printer.paragraph(line, lead=lead, indent=4)
