"""Lines and bars from the tables of a result, with their intervals."""

from __future__ import annotations

from collections.abc import Iterable

from defib.records.chart import BarSeries, Line
from defib.records.study import Table, Value


def curve(table: Table, label: str, x: str, y: str, **where: Value) -> Line:
    """The column `y` over the column `x`, with the interval of `y`."""
    return Line(
        label,
        table.numbers(x, **where),
        table.numbers(y, **where),
        table.numbers(f"{y}_low", **where),
        table.numbers(f"{y}_high", **where),
    )


def bars(table: Table, label: str, column: str, **where: Value) -> BarSeries:
    """A bar for each row that has the given entries, with its interval."""
    return BarSeries(
        label,
        table.numbers(column, **where),
        table.numbers(f"{column}_low", **where),
        table.numbers(f"{column}_high", **where),
    )


def bars_in_order(
    table: Table, label: str, column: str, key: str, order: Iterable[Value]
) -> BarSeries:
    """A bar for each entry of `order`, which stand in the column `key`."""
    found = [bars(table, label, column, **{key: each}) for each in order]
    return BarSeries(
        label,
        tuple(each.values[0] for each in found),
        tuple(each.low[0] for each in found),
        tuple(each.high[0] for each in found),
    )
