"""Quantiles of the quantity on which each threshold decides: `scripts/scoreboard --quantiles`.

Healthy runs first, then those with the rule's own faults. The quarter of tasks and seeds that
is kept apart (`benchmarks/scoreboard/cases.py`) is left out: no threshold is taken from it.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.scoreboard.judging import Records, rule_of
from benchmarks.threshold_quantities import QUANTITIES, Quantity
from defib.records.run import RunRecord

PERCENTAGES = (0, 1, 5, 25, 50, 75, 95, 99, 100)


def print_quantities(records: Records, console: Console) -> None:
    """A table with two rows for each quantity."""
    title = "What each threshold decides on (without what is kept apart)"
    table = Table("rule", "quantity", title=title, title_justify="left")
    for name in ("limit", "runs", *(f"{each} %" for each in PERCENTAGES)):
        table.add_column(name, justify="right")
    used = [each for each in records.judged if not each.case.is_kept_apart]
    for quantity in QUANTITIES:
        healthy = [each.record for each in used if each.is_healthy]
        broken = [
            each.record
            for each in used
            if not each.is_healthy and rule_of(each.case.name) == quantity.rule
        ]
        limit = f"{quantity.limit:.3g}"
        table.add_row(quantity.rule, quantity.name, limit, *cells(quantity, healthy))
        if broken:
            table.add_row("  its faults", "", "", *cells(quantity, broken))
    console.print(table)


def cells(quantity: Quantity, records: Iterable[RunRecord]) -> tuple[str, ...]:
    """Number of runs, and the quantiles of the quantity over them."""
    values = [value for record in records if not np.isnan(value := quantity.value(record))]
    if not values:
        return ("0",)
    quantiles = np.quantile(values, [each / 100 for each in PERCENTAGES], method="nearest")
    return str(len(values)), *(f"{value:.3g}" for value in quantiles)
