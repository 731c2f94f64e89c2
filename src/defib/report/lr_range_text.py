"""A learning-rate range test for the terminal: verdict, marks with spread, other tools' rules."""

from __future__ import annotations

from rich.console import Console

from defib.records.learning_rate_range import CandidateRange, LearningRateRange, Verdict
from defib.report.lr_range_words import (
    ending,
    marks,
    place_of_current,
    rate,
    reasons,
    spread,
    suggestion,
    summary,
)
from defib.report.quantities import count, duration, number
from defib.report.text import Printer

_COLOURS = {Verdict.CLEAR_DESCENT: "green", Verdict.WEAK: "yellow", Verdict.NO_DESCENT: "red"}


def print_range(found: LearningRateRange, console: Console) -> None:
    """Print the verdict first, then the numbers and where they come from."""
    printer = Printer(console)
    _print_verdict(printer, found)
    if found.conservative is not None:
        printer.blank()
        _print_marks(printer, found)
    printer.blank()
    _print_others(printer, found)
    for note in found.notes:
        printer.paragraph(printer.message(note), lead=printer.text("  note: ", "bold"), indent=8)
    _print_sweep(printer, found)


def _print_verdict(printer: Printer, found: LearningRateRange) -> None:
    symbols = {
        Verdict.CLEAR_DESCENT: printer.symbols.healthy,
        Verdict.WEAK: printer.symbols.warning,
        Verdict.NO_DESCENT: printer.symbols.error,
    }
    lead = printer.text(f"{symbols[found.verdict]} ", f"bold {_COLOURS[found.verdict]}")
    sentence = summary(found) + suggestion(found)
    text = printer.text(sentence[:1].upper() + sentence[1:], "bold")
    printer.paragraph(text, lead=lead, indent=2)
    for reason in reasons(found):
        printer.paragraph(printer.text(reason), indent=2)


def _print_marks(printer: Printer, found: LearningRateRange) -> None:
    head = f"{'':<20}{'learning rate':>13}   5th to 95th percentile"
    printer.paragraph(printer.text(head, "dim"), indent=2)
    for name, mark in marks(found):
        line = printer.text(f"{name:<20}") + printer.text(f"{rate(mark.value):>13}", "bold")
        printer.paragraph(line + printer.text(f"   {spread(mark)}"), indent=2)
    if found.current is not None:
        line = f"{'now':<20}{rate(found.current):>13}   {place_of_current(found)}"
        printer.paragraph(printer.text(line.rstrip()), indent=2)
    _print_groups(printer, found)


def _print_groups(printer: Printer, found: LearningRateRange) -> None:
    if len(found.groups) < 2:
        return
    printer.blank()
    printer.paragraph(printer.text("for each parameter group", "dim"), indent=2)
    for group in found.groups:
        rates = ", ".join(
            f"{name.removesuffix(' pick')} {rate(mark.value * group.share)}"
            for name, mark in marks(found)
        )
        name = f"{group.optimizer}, group {group.index}"
        printer.paragraph(printer.text(f"{name:<20} {rates}"), indent=2)


def _print_others(printer: Printer, found: LearningRateRange) -> None:
    title = "Rules of other tools, on the same losses: "
    words = [
        f"{each.name} {'none' if each.learning_rate is None else rate(each.learning_rate)}"
        for each in found.others
    ]
    printer.paragraph(printer.text(title + ", ".join(words) + ".", "dim"), indent=2)


def _print_sweep(printer: Printer, found: LearningRateRange) -> None:
    rates = found.sweep.learning_rates
    swept = f" from {rate(rates[0])} to {rate(rates[-1])}" if rates else ""
    text = f"{count(len(rates), 'step')}{swept} in {duration(found.seconds)}. {ending(found)}"
    printer.paragraph(printer.text(text, "dim"), indent=2)


def print_candidates(found: CandidateRange, console: Console) -> None:
    """Print a line for each candidate, and the range in which they learn."""
    printer = Printer(console)
    if found.best is None or found.lowest is None or found.highest is None:
        verdict = "No candidate learns: do not use a number."
        printer.paragraph(printer.text(verdict, "bold"), indent=0)
    else:
        verdict = f"Learns from {rate(found.lowest)} to {rate(found.highest)}, "
        printer.paragraph(printer.text(f"{verdict}best with {rate(found.best)}.", "bold"))
    printer.blank()
    printer.paragraph(printer.text(f"{'learning rate':>13}   mean loss of each epoch", "dim"))
    for each in found.candidates:
        losses = ", ".join(number(loss) for loss in each.epoch_losses)
        end = "" if each.is_finite else " (then not finite)"
        printer.paragraph(printer.text(f"{rate(each.learning_rate):>13}   {losses}{end}"))
