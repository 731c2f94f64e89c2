"""The scoreboard as files: all of it, and the few numbers that the rules' pages show."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from benchmarks.scoreboard.tables import Detection, FaultRow, RuleRow, Scoreboard

MEASURED = Path(__file__).parents[2] / "src" / "defib" / "rules" / "measured.json"


def write_all(board: Scoreboard, path: Path) -> None:
    path.write_text(json.dumps(asdict(board), indent=1), encoding="utf-8")


def write_measured(
    board: Scoreboard, command: str, *, runs: int, planned: int, path: Path = MEASURED
) -> None:
    """The rows of all rules, one a line: a rule's change is then a line's change.

    `runs` are those that there are of the `planned` ones of `command`.
    """
    lines = [
        f"  {json.dumps(row.rule)}: {json.dumps(measured_row(row, board.faults))}"
        for row in board.rules
    ]
    rows = ",\n".join(lines)
    head = f'"command": {json.dumps(command)},\n "runs": {runs},\n "planned": {planned}'
    text = f'{{\n {head},\n "rules": {{\n{rows}\n }}\n}}\n'
    path.write_text(text, encoding="utf-8")


def measured_row(row: RuleRow, faults: Iterable[FaultRow]) -> dict[str, list[int] | list[str]]:
    return {
        "every": counts(row.detection, row.healthy_runs, row.alarms),
        "apart": counts(row.apart, row.healthy_runs_apart, row.alarms_apart),
        "faults": sorted({each.fault for each in faults if each.rule == row.rule}),
    }


def counts(detection: Detection, healthy: int, alarms: int) -> list[int]:
    """In the order of `defib.rules.measured.Counts`."""
    found = (detection.runs, detection.found, detection.first, detection.top_three)
    return [*found, healthy, alarms]
