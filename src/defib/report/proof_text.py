"""A proof for the terminal: which fix works, by how much, and what to write."""

from __future__ import annotations

import difflib
import math

from rich.console import Console
from rich.text import Text

from defib.records.finding import Diagnosis
from defib.records.trial import Beside, Edit, PairedComparison, Proof, Verdict
from defib.report.quantities import count, duration, number, percent
from defib.report.text import Printer

_COLOURS = {
    Verdict.CONFIRMED: "bold green",
    Verdict.HARMFUL: "red",
    Verdict.NO_EFFECT: "yellow",
    Verdict.UNDECIDED: "yellow",
    Verdict.NOT_APPLICABLE: "dim",
}


def print_proof(diagnosis: Diagnosis, proof: Proof, console: Console) -> None:
    """Print the verdict on each fix, the best confirmed one first, and the change to make."""
    printer = Printer(console)
    printer.blank()
    printer.paragraph(_headline(printer, diagnosis, proof))
    for comparison in ranked(proof):
        printer.blank()
        _print_comparison(printer, comparison)
    for note in proof.notes:
        printer.blank()
        printer.paragraph(printer.message(note), indent=2)
    _print_changes(printer, proof)
    printer.blank()
    text = f"{effort_in_words(proof)}, {duration(proof.seconds)}"
    printer.paragraph(printer.text(text, "dim"), indent=2)


def effort_in_words(proof: Proof) -> str:
    """`9 re-runs of 300 steps`; with trials that were longer, `of up to`."""
    made = [each for each in proof.results if not each.is_part]
    # Nothing is recorded while a value is looked for.
    taken = [each.steps if math.isnan(each.found) else each.trial.steps for each in made]
    longest = max(taken, default=0)
    most = max(longest, proof.steps)
    length = f"up to {most:,}" if most > proof.steps else f"{most:,}"
    return f"{count(len(made), 're-run')} of {length} steps"


def ranked(proof: Proof) -> list[PairedComparison]:
    """The comparisons: confirmed ones in the order of the answer, then by verdict."""
    order = {verdict: place for place, verdict in enumerate(_COLOURS)}
    answer = {fix: place for place, fix in enumerate(proof.answer)}
    return sorted(
        proof.comparisons,
        key=lambda each: (answer.get(each.fix, len(answer)), order[each.verdict], -each.pairs),
    )


def effect_in_words(comparison: PairedComparison) -> str:
    """`training loss 0.69 -> 0.12: 83 % less (79 % ... 86 %), 3 seeds`; empty if unmeasured."""
    if not comparison.before or not comparison.after or math.isnan(comparison.effect):
        return ""
    before, after = (sum(each) / len(each) for each in (comparison.before, comparison.after))
    text = f"{comparison.yardstick.value} {number(before)} -> {number(after)}"
    seeds = count(comparison.pairs, "seed")
    if comparison.pairs < 2:
        return f"{text}, {seeds}"
    beside = [f"; {_beside(each)}" for each in comparison.beside]
    return f"{text}: {_interval(comparison)}, {seeds}{''.join(beside)}"


def _beside(other: Beside) -> str:
    return f"{other.yardstick.value} {number(other.before)} -> {number(other.after)}"


def _interval(comparison: PairedComparison) -> str:
    ends = (comparison.effect, comparison.low, comparison.high)
    if comparison.is_logarithm:
        mean, low, high = (math.expm1(each) for each in ends)
        word = "less" if mean < 0 else "more"
        first, second = sorted((abs(low), abs(high))) if low * high > 0 else (low, high)
        return f"{percent(abs(mean))} {word} ({_share(first)} ... {_share(second)})"
    unit = "" if comparison.yardstick.is_accuracy else " of its start"
    return f"{ends[0]:+.3g}{unit} ({ends[1]:+.3g} ... {ends[2]:+.3g})"


def _share(value: float) -> str:
    return percent(value) if 0 <= value <= 10 else f"{100 * value:+.0f}%"


def _headline(printer: Printer, diagnosis: Diagnosis, proof: Proof) -> Text:
    if proof.answer:
        text = printer.message(
            f"Proved by re-running: {answer_in_words(proof)} {diagnosis.summary}"
        )
    elif proof.comparisons:
        text = printer.message("No fix that was tried was proved to help.")
    else:
        text = printer.message("There was nothing to try.")
    text.stylize("bold")
    return text


def answer_in_words(proof: Proof) -> str:
    """What the confirmed fixes do: they mend the training, or only help."""
    fixes = " and ".join(f"`{each}`" for each in proof.answer)
    several = len(proof.answer) > 1
    confirmed = [each for each in proof.comparisons if each.verdict is Verdict.CONFIRMED]
    mixed = [each.reason for each in confirmed if each.reason]
    if mixed:
        return f"{fixes} {'help' if several else 'helps'}, {mixed[0]}."
    left = [each.rule for each in confirmed if each.is_symptom_gone is False]
    if left:
        return f"{fixes} {'help' if several else 'helps'}; {' and '.join(left)} is still found."
    return f"{fixes} {'mend' if several else 'mends'} it."


def _print_comparison(printer: Printer, comparison: PairedComparison) -> None:
    lead = printer.text(f"  {comparison.verdict.value}", _COLOURS[comparison.verdict])
    text = printer.text(comparison.fix, "bold")
    effect = effect_in_words(comparison)
    if effect:
        text.append(printer.clean(f"  {effect}"))
    printer.paragraph(text, lead=lead, indent=18)
    remarks = [f"for {comparison.rule}"]
    if comparison.reason:
        remarks.append(comparison.reason)
    if comparison.verdict is Verdict.CONFIRMED:
        gone = "is gone with it" if comparison.is_symptom_gone else "is still found with it"
        remarks.append(f"which {gone}")
    if comparison.base:
        remarks.append(f"on top of {' and '.join(comparison.base)}")
    printer.paragraph(printer.text(", ".join(remarks), "dim"), indent=18)


def _print_changes(printer: Printer, proof: Proof) -> None:
    chosen = [each for each in ranked(proof) if each.fix in proof.answer]
    for comparison in chosen:
        printer.blank()
        if comparison.edit is not None:
            for line in diff_lines(comparison.edit):
                colour = {"-": "red", "+": "green"}.get(line[:1], "dim")
                printer.cropped(printer.text(line, colour), lead=Text("  "))
        elif comparison.change:
            lead = printer.text("What to change: ", "bold green")
            printer.paragraph(lead + printer.message(comparison.change), indent=2)


def diff_lines(edit: Edit) -> list[str]:
    """The change of one line as a unified diff."""
    site = edit.site
    lines = difflib.unified_diff(
        [site.code], [edit.new], fromfile=site.label, tofile=site.label, lineterm="", n=0
    )
    place = f"@@ -{site.line} +{site.line} @@"
    return [place if line.startswith("@@") else line for line in lines]
