"""The tables of all seeds put together, and their means with intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping

from defib.records.study import Table, Value
from defib.studies.intervals import mean_interval


def tables_of_seeds(measured: Mapping[int, Mapping[str, Table]]) -> dict[str, Table]:
    """For each table its mean over the seeds, and under `NAME-by-seed` all that was measured."""
    tables: dict[str, Table] = {}
    names = dict.fromkeys(name for of_seed in measured.values() for name in of_seed)
    for name in names:
        by_seed = _stacked({seed: each[name] for seed, each in measured.items() if name in each})
        if any(_is_numeric(by_seed.column(each)) for each in by_seed.columns[by_seed.keys :]):
            tables[name] = summarized(by_seed)
        tables[f"{name}-by-seed"] = by_seed
    return tables


def summarized(by_seed: Table) -> Table:
    """Mean, lower and upper end of the 95 % interval of each number, by the keys.

    The first column of `by_seed` is the seed. Columns that hold no numbers are left out.
    """
    keys = by_seed.columns[1 : by_seed.keys]
    named = [name for name in by_seed.columns[by_seed.keys :] if _is_numeric(by_seed.column(name))]
    columns = (*keys, "seeds", *(f"{n}{end}" for n in named for end in ("", "_low", "_high")))
    rows: list[tuple[Value, ...]] = []
    without_seed = Table(
        (*keys, *by_seed.columns[by_seed.keys :]),
        tuple(row[1:] for row in by_seed.rows),
        by_seed.keys - 1,
    )
    for key, group in without_seed.groups():
        numbers = tuple(end for name in named for end in _mean(group.numbers(name)))
        rows.append((*key, len(group), *numbers))
    return Table(columns, tuple(rows), len(keys))


def _mean(values: tuple[float, ...]) -> tuple[Value, Value, Value]:
    """Over what is there; no interval for a single value, or where one is infinite."""
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return None, None, None
    if not all(map(math.isfinite, known)):
        return math.inf, None, None
    interval = mean_interval(known)
    if len(known) < 2:
        return interval.estimate, None, None
    return interval.estimate, interval.low, interval.high


def _is_numeric(values: tuple[Value, ...]) -> bool:
    return all(value is None or isinstance(value, bool | int | float) for value in values)


def _stacked(tables: Mapping[int, Table]) -> Table:
    first = next(iter(tables.values()))
    rows = tuple((seed, *row) for seed, table in tables.items() for row in table.rows)
    return Table(("seed", *first.columns), rows, first.keys + 1)
