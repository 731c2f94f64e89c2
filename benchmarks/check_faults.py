"""Measures `defib check` on the fault corpus and on healthy trainings.

    python -m benchmarks.check_faults [--quick] [--seeds 2] [--only WORD] [--out DIRECTORY]
    python -m benchmarks.check_faults --reuse --out DIRECTORY

The first form brings every fault, every healthy twin, every mistake of `tests/probes/mistakes.py`
and every healthy training of `defib.healthy` to its first backward pass, as `defib check` does,
and keeps what was measured there in DIRECTORY; the second judges what was kept by the rules as
they are now. Printed are: how often each fault's rule is named, and named first; what else is named
first; every finding on a healthy training; quantiles over healthy trainings of the quantities on
which thresholds decide; the seconds that a check takes.
"""

from __future__ import annotations

import argparse
import copyreg
import os
import pickle
import tempfile
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, final

import numpy as np
import torch

from defib.checkup import check_up
from defib.errors import DefibError
from defib.faults.base import all_faults
from defib.healthy.base import all_healthy_trainings
from defib.records.finding import Severity
from defib.records.preflight import Checkup, PreflightRecord
from defib.rules.fit import fit_of
from defib.script.outcome import Ending, Outcome
from defib.script.preflight import preflight
from defib.training.loop import train
from defib.training.seeding import seed_everything
from tests.probes.mistakes import MISTAKES


def read_only(content: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    """A read-only mapping: records hold such, and pickle does not know them."""
    return MappingProxyType(content)


copyreg.pickle(MappingProxyType, lambda each: (read_only, (dict(each),)))


def _fit(record: PreflightRecord) -> float:
    fit = fit_of(record)
    return float("nan") if fit is None else fit


def _gradient_norm(record: PreflightRecord) -> float:
    squares = sum(each**2 for each in record.of("gradient_norm").values())
    return squares**0.5 / max(record.value("constant_prediction_loss"), 1e-9)


QUANTITIES: Mapping[str, Callable[[PreflightRecord], float]] = {
    "fit of the first batch": _fit,
    "first loss over equal scores'": lambda each: (
        each.value("initial_loss") / max(each.value("constant_prediction_loss"), 1e-9)
    ),
    "fitted loss in evaluation over a constant's": lambda each: (
        each.value("fitted_loss", "evaluation") / max(each.value("best_constant_loss"), 1e-9)
    ),
    "gradient norm over a constant's loss": _gradient_norm,
    "neighbour excess": lambda each: each.value("neighbour_excess"),
    "mean shift of evaluation data": lambda each: abs(each.value("mean_shift")),
    "shared examples": lambda each: each.value("shared_examples"),
    "repeated fit difference": lambda each: each.value("repeated_fit_difference"),
    "largest share of saturated outputs": lambda each: max(
        each.of("saturated_fraction").values(), default=float("nan")
    ),
}
"""What rules before the first step decide on."""

QUANTILES = (0, 0.01, 0.05, 0.5, 0.95, 0.99, 1)


@final
@dataclass(frozen=True)
class Case:
    """A training up to its first step. `rule` is what must be named; empty of a healthy one."""

    name: str
    rule: str
    seed: int
    run: Callable[[], object]
    prepare: Callable[[], object]
    corpus: str

    @property
    def file(self) -> str:
        return f"{self.corpus}--{self.name.replace('/', '--')}--{self.seed}.pickle"


@final
@dataclass(frozen=True)
class Checked:
    """A case with what was measured and said of it; `refusal` where it could not be checked."""

    case: Case
    record: PreflightRecord | None
    refusal: str
    checkup: Checkup | None

    def named(self, *, alarms_only: bool = True) -> tuple[str, ...]:
        """Rules in the order in which they are named, remarks left out."""
        findings = self.checkup.findings if self.checkup else ()
        return tuple(
            dict.fromkeys(
                each.rule
                for each in findings
                if not alarms_only or each.severity is not Severity.INFO
            )
        )


def every_case(seeds: int, *, is_quick: bool) -> list[Case]:
    """Faults of the corpus, mistakes of one script, and trainings with which nothing is wrong."""
    found: list[Case] = []
    twins: set[tuple[str, int]] = set()
    for seed in range(seeds):
        for fault in all_faults():
            for task in fault.tasks[:1] if is_quick else fault.tasks:
                name = f"{fault.name()}/{task.name}"
                broken, healthy = (
                    partial(lambda make, task, seed: train(make(task, seed)), make, task, seed)
                    for make in (fault.broken, fault.healthy)
                )
                found.append(Case(name, fault.rule, seed, broken, _nothing, "fault"))
                key = fault.healthy(task, seed).name, seed
                if key not in twins:
                    twins.add(key)
                    found.append(Case(name, "", seed, healthy, _nothing, "twin"))
        for name, mistake in MISTAKES.items():
            for part, rule, run in (
                ("mistake", mistake.rule, mistake.broken),
                ("twin", "", mistake.healthy),
            ):
                found.append(Case(name, rule, seed, partial(_seeded, run, seed), _nothing, part))
        for name, training in list(all_healthy_trainings().items())[:: 3 if is_quick else 1]:
            prepare = partial(training.prepare, seed)
            begin = partial(lambda begin, seed: begin(seed).train(), training.begin, seed)
            found.append(Case(name, "", seed, begin, prepare, "healthy"))
    return found


def _nothing() -> None:
    """No preparation."""


def _seeded(run: Callable[[], object], seed: int) -> None:
    seed_everything(seed)
    run()


def checked(case: Case, out: Path) -> Checked:
    """What `defib check` says; what was measured is kept under `out`."""
    file = out / case.file
    if file.exists():
        record = pickle.loads(file.read_bytes())
    else:
        record = _measured(case)
        file.write_bytes(pickle.dumps(record))
    if isinstance(record, str):
        return Checked(case, None, record, None)
    return Checked(case, record, "", check_up(record))


def _measured(case: Case) -> PreflightRecord | str:
    case.prepare()

    def launch() -> Outcome:
        try:
            case.run()
        except SystemExit as exit_:
            return Outcome(Ending.EXITED, 0, exit_, os.getpid())
        return Outcome(Ending.COMPLETED, 0, None, os.getpid())

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return preflight(case.name, launch)
    except DefibError as refusal:
        return str(refusal)


# -- tables ------------------------------------------------------------------------------------


def print_detection(title: str, found: Sequence[Checked]) -> None:
    groups: defaultdict[str, list[Checked]] = defaultdict(list)
    for each in found:
        groups[each.case.name].append(each)
    print(f"\n## {title}: how often the rule is named first, named at all, and any rule\n")
    print(f"{'fault':52}{'n':>3}{'first':>7}{'named':>7}{'any':>5}  named first otherwise")
    totals = Counter[str]()
    for name, cases in sorted(groups.items()):
        rule = cases[0].case.rule
        row = Counter(
            n=len(cases),
            first=sum(each.named()[:1] == (rule,) for each in cases),
            named=sum(rule in each.named(alarms_only=False) for each in cases),
            any=sum(bool(each.named()) for each in cases),
        )
        totals.update(row)
        others = Counter(
            each.refusal[:60] or (each.named() or ("nothing",))[0]
            for each in cases
            if each.named()[:1] != (rule,)
        )
        text = ", ".join(f"{other} {count}" for other, count in others.most_common())
        print(f"{name:52}{row['n']:>3}{row['first']:>7}{row['named']:>7}{row['any']:>5}  {text}")
    print(
        f"{'all':52}{totals['n']:>3}{totals['first']:>7}{totals['named']:>7}{totals['any']:>5}"
        f"  {_share(totals['first'], totals['n'])} first, {_share(totals['any'], totals['n'])} any"
    )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "-"


def print_alarms(healthy: Sequence[Checked]) -> None:
    judged = [each for each in healthy if each.checkup]
    alarmed = [each for each in judged if each.named()]
    print(
        f"\n## Healthy trainings: false alarms in {len(alarmed)} of {len(judged)} checks "
        f"({_share(len(alarmed), len(judged))}); {len(healthy) - len(judged)} refused\n"
    )
    for each in alarmed:
        assert each.checkup
        for finding in each.checkup.findings:
            if finding.severity is not Severity.INFO:
                how = f"{finding.rule} ({finding.severity.value})"
                print(f"{_label(each)}: {how} {finding.message}")
    remarks = Counter(
        name
        for each in judged
        for name in each.named(alarms_only=False)
        if name not in each.named()
    )
    print("remarks (severity info):", ", ".join(f"{n} {c}" for n, c in remarks.most_common()))
    for each in healthy:
        if not each.checkup:
            print(f"refused: {_label(each)}: {each.refusal}")


def _label(each: Checked) -> str:
    return f"{each.case.corpus} {each.case.name} (seed {each.case.seed})"


def print_quantities(healthy: Sequence[Checked]) -> None:
    print("\n## Quantities that thresholds judge, over healthy trainings\n")
    print(f"{'quantity':44}{'n':>4}" + "".join(f"{f'{q:.0%}':>11}" for q in QUANTILES))
    for name, quantity in QUANTITIES.items():
        values = [quantity(each.record) for each in healthy if each.record]
        values = [each for each in values if np.isfinite(each)]
        if values:
            cells = "".join(f"{each:>11.3g}" for each in np.quantile(values, QUANTILES))
            print(f"{name:44}{len(values):>4}{cells}")


def print_times(found: Sequence[Checked]) -> None:
    seconds = [each.record.seconds for each in found if each.record]
    cells = ", ".join(f"{q:.0%} {np.quantile(seconds, q):.2f}" for q in (0.5, 0.95, 1))
    slowest = max(found, key=lambda each: each.record.seconds if each.record else 0.0)
    print(f"\n## Seconds per check, beyond the script's own: {cells} (slowest: {_label(slowest)})")
    reasons = Counter(
        f"{each.rule}: {each.reason}"
        for one in found
        if one.checkup
        for each in one.checkup.not_evaluated
        if "no time" in each.reason or "failed" in each.reason
    )
    for reason, number in reasons.most_common(20):
        print(f"{number:5} not evaluated, {reason}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a task per fault")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", default="", help="cases with this in their file name")
    parser.add_argument("--reuse", action="store_true", help="judge what is kept")
    parser.add_argument("--out", type=Path, help="where measurements are kept")
    options = parser.parse_args()
    torch.set_num_threads(1)
    out = options.out or Path(tempfile.mkdtemp())
    out.mkdir(parents=True, exist_ok=True)
    cases = [
        each
        for each in every_case(options.seeds, is_quick=options.quick)
        if options.only in each.file
    ]
    if options.reuse:
        cases = [each for each in cases if (out / each.file).exists()]
    begun = time.perf_counter()
    found = [checked(each, out) for each in cases]
    report(found)
    print(f"{len(found)} checks in {time.perf_counter() - begun:.0f} s; kept in {out}")


def report(found: Iterable[Checked]) -> None:
    """All tables."""
    by_corpus: defaultdict[str, list[Checked]] = defaultdict(list)
    for each in found:
        by_corpus[each.case.corpus].append(each)
    if by_corpus["fault"]:
        print_detection("Faults of the corpus", by_corpus["fault"])
    if by_corpus["mistake"]:
        print_detection("Mistakes that show before the first step", by_corpus["mistake"])
    healthy = by_corpus["twin"] + by_corpus["healthy"]
    if healthy:
        print_alarms(healthy)
        print_quantities(healthy)
    print_times([each for cases in by_corpus.values() for each in cases])


if __name__ == "__main__":
    main()
