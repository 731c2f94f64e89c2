"""A schedule in the terminal: what it does in numbers, and a plot of dots."""

from __future__ import annotations

import numpy as np

from defib.report.quantities import count, number

PLOT_WIDTH = 64
"""Columns of the plot, without the numbers to its left."""
PLOT_HEIGHT = 9
"""Rows of the plot."""

# A sign of Braille holds two by four dots; these are their bits, by row and column.
_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
_EMPTY_BRAILLE = 0x2800


def schedule_summary(values: np.ndarray, *, is_batch_size: bool = False) -> tuple[str, ...]:
    """A line for the first, the highest, the lowest and the last value, each with its step.

    For batch sizes one more with the examples that all steps take together.
    """
    marks = {"first": 0, "highest": int(values.argmax()), "lowest": int(values.argmin())}
    marks["last"] = len(values) - 1
    lines = [f"{what:<8}{number(values[step]):>10}   step {step:,}" for what, step in marks.items()]
    if is_batch_size:
        examples = count(int(values.sum()), "example")
        lines.append(f"{examples} in {count(len(values), 'step')}")
    return tuple(lines)


def schedule_plot(
    values: np.ndarray, *, is_log: bool = False, width: int = PLOT_WIDTH, height: int = PLOT_HEIGHT
) -> tuple[str, ...]:
    """Lines of a plot of `values` over the steps, the numbers of its axes included.

    With `is_log` the axis is logarithmic; values that are not positive lie at its foot then.
    """
    shown = _logarithms(values) if is_log else values
    rows = _braille(shown, width, height)
    low, high = float(shown.min()), float(shown.max())
    at_rows = {0: high, height // 2: (low + high) / 2, height - 1: low}
    if low == high:
        at_rows = {height - 1: low}
    marks = {row: 10**each if is_log else each for row, each in at_rows.items()}
    labels = [number(marks[row]) if row in marks else "" for row in range(height)]
    margin = max(map(len, labels))
    axis = "─" * width
    last = f"{len(values) - 1:,}"
    return (
        *(f"{label:>{margin}} ┤{row}" for label, row in zip(labels, rows, strict=True)),
        f"{'':>{margin}} └{axis}",
        f"{'':>{margin}}  0{last:>{width - 1}}",
    )


def _logarithms(values: np.ndarray) -> np.ndarray:
    positive = values[values > 0]
    return np.log10(np.maximum(values, positive.min())) if len(positive) else np.zeros(len(values))


def _braille(values: np.ndarray, width: int, height: int) -> list[str]:
    """Rows of signs; each column of dots spans all values of its steps and meets the next."""
    columns, lines = 2 * width, 4 * height
    low, high = float(values.min()), float(values.max())
    scale = (lines - 1) / (high - low) if high > low else 0.0
    dots = np.rint((values - low) * scale).astype(int)
    grid = np.zeros((lines, columns), dtype=bool)
    for column in range(columns):
        spanned = _steps_of(column, columns, len(dots))
        grid[dots[spanned].min() : dots[spanned].max() + 1, column] = True
    signs = grid[::-1].reshape(height, 4, width, 2)
    codes = (signs * _DOTS[None, :, None, :]).sum(axis=(1, 3)) + _EMPTY_BRAILLE
    return ["".join(map(chr, row)) for row in codes]


def _steps_of(column: int, columns: int, steps: int) -> slice:
    """The steps that a column stands for, and the one after them, so that lines meet."""
    first = column * steps // columns
    after = (column + 1) * steps // columns
    return slice(first, min(max(after, first) + 1, steps))
