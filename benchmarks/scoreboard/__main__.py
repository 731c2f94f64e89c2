"""Runs all faults and healthy trainings that have no record yet, and counts what is found.

    scripts/scoreboard [--seeds 5] [--jobs 2] [--quick] [--only healthy] [--out DIRECTORY]
    scripts/scoreboard --reuse [--quantiles] [--write-measured]
    scripts/scoreboard --prove [--quick] [--faults NAME,...] [--jobs 2]

Each training runs under a watch, as by `defib run`, and once more to its first batch, as by
`defib check`. Records are kept in DIRECTORY, one folder for each training: what was run before
is judged again, by the rules as they are now, and not run again. The table is printed and
written to DIRECTORY/scoreboard.json.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import track

from benchmarks.calibration import print_quantities
from benchmarks.scoreboard.cases import Case, Kind, every_case
from benchmarks.scoreboard.files import MEASURED, write_all, write_measured
from benchmarks.scoreboard.judging import Records, judge
from benchmarks.scoreboard.proving import prove_all, show_proved
from benchmarks.scoreboard.running import run_all
from benchmarks.scoreboard.tables import scoreboard
from benchmarks.scoreboard.text import show

OUT = Path(".cache") / "scoreboard"

Part = Callable[[Records, Console], None]
"""Something more that can be told of the records, or be done with them."""

PARTS: Mapping[str, tuple[Part, str]] = {
    "quantiles": (print_quantities, "print quantiles of what each threshold decides on"),
}
"""Options that add a part: the name of the option, what prints it, its help."""


def main() -> None:
    options = parsed()
    console = Console(highlight=False)
    if options.prove:
        names = [name for name in options.faults.split(",") if name]
        folder = options.out / "proved"
        proved = prove_all(folder, jobs=options.jobs, is_quick=options.quick, names=names)
        show_proved(list(track(proved, "proving", console=console, transient=True)), console)
        return
    cases = wanted(options)
    if not options.reuse:
        run(cases, options, console)
    records = judge(track(cases, "judging", console=console, transient=True), options.out)
    board = scoreboard(records.judged)
    show(board, console)
    write_all(board, options.out / "scoreboard.json")
    console.print(f"{len(records.judged)} of {len(cases)} runs; {options.out / 'scoreboard.json'}")
    for name, (part, _) in PARTS.items():
        if getattr(options, name):
            part(records, console)
    if options.write_measured:
        command = f"scripts/scoreboard --seeds {options.seeds}"
        write_measured(board, command, runs=len(records.judged), planned=len(cases))
        console.print(f"written: {MEASURED}")


def wanted(options: argparse.Namespace) -> tuple[Case, ...]:
    cases = every_case(range(1 if options.quick else options.seeds), is_quick=options.quick)
    return tuple(each for each in cases if options.only in ("", each.kind.value))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/scoreboard",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, default=5, help="runs of each training (5)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at a time")
    parser.add_argument("--quick", action="store_true", help="a part of all, one seed")
    kinds = [each.value for each in Kind]
    parser.add_argument("--only", choices=kinds, default="", help="the healthy corpus, for example")
    parser.add_argument("--out", type=Path, default=OUT, help=f"where records are kept ({OUT})")
    parser.add_argument("--budget", type=float, default=0.01, help="the monitor's share of time")
    parser.add_argument("--reuse", action="store_true", help="judge kept records, run nothing")
    parser.add_argument(
        "--write-measured", action="store_true", help="write what the rules' pages show"
    )
    parser.add_argument("--prove", action="store_true", help="prove the fixes of all faults")
    parser.add_argument("--faults", default="", metavar="NAME,...", help="prove only these")
    for name, (_, meaning) in PARTS.items():
        parser.add_argument(f"--{name}", action="store_true", help=meaning)
    return parser.parse_args()


def run(cases: Sequence[Case], options: argparse.Namespace, console: Console) -> None:
    # Ends as by Ctrl-C, so that no process is left behind waiting for work.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    options.out.mkdir(parents=True, exist_ok=True)
    missing = sum(not (options.out / case.folder).exists() for case in cases)
    done = run_all(cases, options.out, budget=options.budget, jobs=options.jobs)
    for case, facts in track(done, "training", total=missing, console=console, transient=True):
        if facts.raised:
            console.print(f"[dim]{case.folder} raised {facts.raised[:200]}[/]", markup=True)


if __name__ == "__main__":
    main()
