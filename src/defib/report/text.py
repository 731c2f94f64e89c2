"""A diagnosis for the terminal: the verdict first, then each cause with its line of code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from defib.records.finding import Cause, Diagnosis, Finding, Severity, Status
from defib.records.site import Site
from defib.report.printable import printable, spans_of_code
from defib.report.quantities import count, duration, enumeration, percent, quantity, step_range
from defib.report.quantities import label_of as spelled_out

WIDEST = 100
"""Columns; longer lines are hard to read."""
SHORT_SECONDS = 30.0
USUAL_OVERHEAD = 0.02
"""Of runs as short as that the first steps, which are watched whatever that costs, are more than
the share that watching takes later. Source: `benchmarks/overhead.py`."""


@final
@dataclass(frozen=True)
class Symbols:
    """Marks and lines, from what the terminal's encoding can show."""

    error: str = "✘"
    warning: str = "▲"
    info: str = "●"
    healthy: str = "✔"
    undecided: str = "?"
    frame: tuple[str, str, str] = ("╭─", "│", "╰─")


ASCII = Symbols("x", "!", "i", "+", "?", ("-->", "|", "|"))

COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}

SPELLED_IN_ASCII = str.maketrans(
    {"–": "-", "—": "-", "−": "-", "≤": "<=", "≥": ">=", "×": "x", "→": "->", "…": "..."}
    | dict.fromkeys("‘’", "'")
    | dict.fromkeys("“”", '"')
)


@final
class Printer:
    """Writes wrapped, indented text that the encoding of the console can hold."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.width = max(20, min(console.width, WIDEST))
        self.symbols = Symbols() if self._can_show("✘▲●✔╭─│╰") else ASCII

    def _can_show(self, text: str) -> bool:
        try:
            text.encode(self._console.encoding)
        except (UnicodeEncodeError, LookupError):
            return False
        return True

    def clean(self, text: str) -> str:
        """`text` without control characters, spelled as the encoding allows."""
        text = printable(text)
        if self._can_show(text):
            return text
        text = text.translate(SPELLED_IN_ASCII)
        if self._can_show(text):
            return text
        return text.encode("ascii", "backslashreplace").decode("ascii")

    def text(self, text: str, style: str = "") -> Text:
        return _styled(self.clean(text), style)

    def message(self, message: str) -> Text:
        """`message` with what stands between its backticks in colour."""
        result = Text()
        for part, is_code in spans_of_code(message):
            result.append(self.clean(f"`{part}`" if is_code else part), "cyan" if is_code else "")
        return result

    def blank(self) -> None:
        self._console.print()

    def paragraph(self, text: Text, *, lead: Text | None = None, indent: int = 0) -> None:
        """Print `text` wrapped at `indent` columns, its first line after `lead`."""
        lead = lead or Text()
        indent = min(indent, self.width // 2)
        room = self.width - indent
        # A lead without a space at its end needs one between it and the text.
        if cell_len(lead.plain) > indent or cell_len(lead.plain.rstrip()) == indent > 0:
            self.cropped(lead, lead=Text())
            lead = Text()
        start = Text(" " * (indent - cell_len(lead.plain)))
        for number, line in enumerate(text.wrap(self._console, room, overflow="fold")):
            line.rstrip()
            head = lead + start if number == 0 else Text(" " * indent)
            self._console.print(head + line, soft_wrap=True)

    def cropped(self, text: Text, *, lead: Text) -> None:
        """Print `text` after `lead` on one line; what has no room is cut."""
        room = self.width - cell_len(lead.plain)
        text.truncate(max(room, 1), overflow="ellipsis" if self._can_show("…") else "crop")
        line = lead + text
        line.rstrip()
        self._console.print(line, soft_wrap=True)


def _styled(text: str, style: str) -> Text:
    # As a span: the style of a whole `Text` would spread to what is appended to it.
    return Text().append(text, style)


def print_verdict(
    diagnosis: Diagnosis,
    console: Console,
    *,
    details: bool = False,
    run_directory: str | None = None,
) -> None:
    """Print what is wrong, where, since when, how sure, and what to change.

    `details` also lists the rules that could not judge. `run_directory` is what
    `defib report` is to be called with.
    """
    printer = Printer(console)
    _print_summary(printer, diagnosis)
    for cause in diagnosis.causes:
        printer.blank()
        _print_cause(printer, cause)
    for note in diagnosis.notes:
        printer.blank()
        printer.paragraph(printer.message(note), lead=_styled("  note: ", "bold"), indent=8)
    printer.blank()
    _print_not_evaluated(printer, diagnosis, details=details)
    _print_run(printer, diagnosis, run_directory)
    _print_hints(printer, diagnosis, run_directory)


def _print_summary(printer: Printer, diagnosis: Diagnosis) -> None:
    mark, colour = _verdict_mark(printer.symbols, diagnosis)
    text = printer.message(diagnosis.summary or diagnosis.status.value)
    text.stylize("bold")
    printer.paragraph(text, lead=_styled(f"{mark} ", f"bold {colour}"), indent=2)
    if diagnosis.undecided_between:
        rivals = enumeration(diagnosis.undecided_between)
        printer.paragraph(printer.text(f"The record does not decide between {rivals}."), indent=2)


def _verdict_mark(symbols: Symbols, diagnosis: Diagnosis) -> tuple[str, str]:
    if diagnosis.status is Status.HEALTHY:
        return symbols.healthy, "green"
    if diagnosis.status is Status.FINDINGS and diagnosis.causes:
        return _mark(symbols, diagnosis.causes[0].finding.severity)
    return symbols.undecided, "yellow"


def _mark(symbols: Symbols, severity: Severity) -> tuple[str, str]:
    marks = {
        Severity.ERROR: symbols.error,
        Severity.WARNING: symbols.warning,
        Severity.INFO: symbols.info,
    }
    return marks[severity], COLOURS[severity]


def _print_cause(printer: Printer, cause: Cause) -> None:
    finding = cause.finding
    _print_heading(printer, finding)
    printer.paragraph(printer.message(finding.message), indent=2)
    if finding.site is not None:
        printer.blank()
        _print_frame(printer, finding.site)
    if finding.evidence:
        printer.blank()
        _print_evidence(printer, finding.evidence)
    if finding.remedy:
        printer.blank()
        remedy = _styled("What to change: ", "bold green") + printer.message(finding.remedy)
        printer.paragraph(remedy, indent=2)
    if cause.also:
        printer.blank()
        printer.paragraph(printer.text(f"The same {_places(cause.also)}."), indent=2)
    if cause.symptoms:
        printer.blank()
        _print_symptoms(printer, cause.symptoms)


def _print_heading(printer: Printer, finding: Finding) -> None:
    mark, colour = _mark(printer.symbols, finding.severity)
    heading = printer.text(f"{finding.severity.value}[{finding.rule}]", f"bold {colour}")
    where = f" layer {finding.layer}," if finding.layer else ""
    since = step_range(finding.steps)
    heading.append(printer.clean(f"{where} {since}, {finding.certainty.value}"), "dim")
    printer.paragraph(heading, lead=_styled(f"{mark} ", colour), indent=2)


def _print_frame(printer: Printer, site: Site) -> None:
    top, side, bottom = printer.symbols.frame
    number = f"{site.line:>5} "
    margin = " " * len(number)
    place = printer.text(site.label, "bold")
    if site.function and site.function != "<module>":
        place.append(printer.clean(f" in {site.function}"), "dim")
    lead = margin[len(side) :] if top == "-->" else margin
    printer.cropped(place, lead=_styled(f"{lead}{top} ", "blue"))
    if site.code:
        printer.cropped(printer.text(site.code), lead=_styled(f"{number}{side} ", "blue"))
        printer.cropped(Text(), lead=_styled(f"{margin}{bottom}", "blue"))


def _print_evidence(printer: Printer, evidence: Mapping[str, float | str]) -> None:
    labels = [printer.clean(spelled_out(name)) for name in evidence]
    values = [printer.clean(quantity(name, value)) for name, value in evidence.items()]
    column = min(max(map(cell_len, labels)) + 4, printer.width // 2)
    widest = max(map(cell_len, values))
    for label, value in zip(labels, values, strict=True):
        # Short values stand with their last digits below each other.
        shift = widest - cell_len(value) if widest <= 12 else 0
        text = _styled(" " * shift + value, "bold")
        printer.paragraph(text, lead=_column(f"  {label}", column), indent=column)


def _column(text: str, width: int) -> Text:
    """`text`, cut where it would touch the next column."""
    lead = Text(text)
    lead.truncate(width - 2, overflow="crop")
    return lead


def _places(findings: Sequence[Finding]) -> str:
    layers = tuple(dict.fromkeys(each.layer for each in findings if each.layer))
    if layers:
        return f"holds in {enumeration(layers)}"
    return f"was found {count(len(findings), 'more time')}"


def _print_symptoms(printer: Printer, symptoms: Sequence[Finding]) -> None:
    first = {each.rule: each for each in reversed(symptoms)}
    names = dict.fromkeys(each.rule for each in symptoms)
    lead = _styled("  explains: ", "bold")
    for name in names:
        text = printer.text(name, "bold") + Text(" (")
        text.append_text(printer.message(first[name].message.strip().rstrip(".")))
        text.append(")")
        printer.paragraph(text, lead=lead, indent=12)
        lead = Text()


def _print_not_evaluated(printer: Printer, diagnosis: Diagnosis, *, details: bool) -> None:
    silent = diagnosis.not_evaluated
    if not silent:
        return
    hint = "" if details else "; --verbose lists them"
    printer.paragraph(
        printer.text(f"{count(len(silent), 'rule')} could not judge this run{hint}.", "dim"),
        indent=2,
    )
    if details:
        names = [printer.clean(each.rule) for each in silent]
        column = min(max(map(cell_len, names)) + 6, printer.width // 2)
        for name, each in zip(names, silent, strict=True):
            lead = _column(f"    {name}", column)
            printer.paragraph(printer.text(each.reason, "dim"), lead=lead, indent=column)
        printer.blank()


def _print_run(printer: Printer, diagnosis: Diagnosis, run_directory: str | None) -> None:
    facts = [count(diagnosis.steps, "step"), duration(diagnosis.seconds)]
    is_dear = diagnosis.seconds < SHORT_SECONDS and diagnosis.overhead > USUAL_OVERHEAD
    hint = " (less in longer runs)" if is_dear else ""
    facts.append(f"{percent(diagnosis.overhead)} overhead{hint}")
    if run_directory:
        facts.append(f"record in {run_directory}")
    printer.paragraph(printer.text(", ".join(facts), "dim"), indent=2)


def _print_hints(printer: Printer, diagnosis: Diagnosis, run_directory: str | None) -> None:
    hints: dict[str, str] = {}
    if diagnosis.causes:
        rule = diagnosis.causes[0].finding.rule
        hints[f"defib explain {rule}"] = "how the rule judges"
    if run_directory:
        hints[f"defib report {run_directory}"] = "the page with pictures"
    column = max((cell_len(printer.clean(each)) for each in hints), default=0) + 4
    for command, purpose in hints.items():
        lead = printer.text(f"  {command}", "cyan")
        if column + cell_len(purpose) > printer.width:
            printer.paragraph(printer.text(command, "cyan"), indent=2)
        else:
            printer.paragraph(_styled(purpose, "dim"), lead=lead, indent=column)
