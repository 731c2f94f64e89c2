"""The scoreboard in a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.scoreboard.tables import Alarmed, Detection, FaultRow, Harm, Scoreboard

WIDEST_MESSAGE = 70


def show(board: Scoreboard, console: Console) -> None:
    """Faults, false alarms, and the sums."""
    console.print(fault_table(board.faults))
    if board.alarms:
        console.print(alarm_table(board))
    if board.not_learnt:
        console.print(f"[red]Did not learn:[/] {', '.join(board.not_learnt)}")
    for reason, count in board.not_checked:
        console.print(f"Not checked ({count}): {escape(reason)}")
    console.print(sum_table(board))
    console.print(
        f"{harm_sentence(board)} Slowest diagnosis {board.slowest_diagnosis:.2f} s, "
        f"slowest check {board.slowest_check:.1f} s."
    )


def harm_sentence(board: Scoreboard) -> str:
    if board.seeds < 2:
        return "Whether a fault harms is told from two seeds on."
    paired = [row.harm for row in board.faults if row.harm and row.harm.pairs > 1]
    harmful = sum(harm.is_measured for harm in paired)
    return f"{harmful} of {len(paired)} pairs of fault and task measurably harm."


def fault_table(rows: Iterable[FaultRow]) -> Table:
    table = Table("fault", "task", "error: broken / twin", title="Faults", title_justify="left")
    for name in ("runs", "found", "first", "top 3", "check"):
        table.add_column(name, justify="right")
    table.add_column("named first instead")
    known = ""
    for row in rows:
        others = ", ".join(f"{name} {count}" for name, count in row.others)
        table.add_row(
            "" if row.fault == known else row.fault,
            row.task,
            harm_text(row.harm),
            *counts(row.detection),
            others,
        )
        known = row.fault
    return table


def counts(detection: Detection) -> tuple[str, ...]:
    found = (detection.found, detection.first, detection.top_three, detection.found_by_check)
    return (str(detection.runs), *("." if not count else str(count) for count in found))


def harm_text(harm: Harm | None) -> str:
    if harm is None:
        return "[dim]not comparable[/]"
    text = f"{harm.broken:.3f} / {harm.healthy:.3f}"
    return text if harm.is_measured or harm.pairs == 1 else f"[yellow]{text} no harm[/]"


def alarm_table(board: Scoreboard) -> Table:
    title = "Warnings on healthy trainings"
    table = Table("command", "rule", "training", "seeds", "says", title=title, title_justify="left")
    for alarm in board.alarms:
        message = alarm.message[:WIDEST_MESSAGE]
        seeds = ", ".join(map(str, alarm.seeds))
        table.add_row(alarm.command, alarm.rule, alarm.training, seeds, escape(message))
    return table


def sum_table(board: Scoreboard) -> Table:
    table = Table("", title="Sums", title_justify="left")
    for name in ("broken runs", "found", "first", "top 3", "by check"):
        table.add_column(name, justify="right")
    for name in ("healthy runs", "warned by run", "by check"):
        table.add_column(name, justify="right")
    rows = (
        ("all", board.detection, board.healthy),
        ("kept apart", board.detection_apart, board.healthy_apart),
    )
    for name, detection, healthy in rows:
        table.add_row(name, *_shares(detection), *_alarmed(healthy))
    return table


def _shares(detection: Detection) -> tuple[str, ...]:
    found = (detection.found, detection.first, detection.top_three, detection.found_by_check)
    return (str(detection.runs), *(percent(count, detection.runs) for count in found))


def _alarmed(healthy: Alarmed) -> tuple[str, ...]:
    by_run, by_check = (
        f"{count} ({percent(count, healthy.runs)})" for count in (healthy.by_run, healthy.by_check)
    )
    return str(healthy.runs), by_run, by_check


def percent(count: int, of: int) -> str:
    return f"{100 * count / of:.1f} %" if of else "-"
