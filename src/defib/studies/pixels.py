"""Images in the tables of a study: a row of text for each row of pixels."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

from defib.records.study import Table
from defib.studies.tables import table

LEVELS = 255
"""Steps between the lowest and the highest number; a pixel is two hexadecimal digits."""


def pixel_rows(
    name: str, pixels: Tensor, low: float = 0.0, high: float = 1.0
) -> list[tuple[str, int, str]]:
    """An image [height, width] in 256 levels from `low` to `high`; what is beyond is cut off.

    Classes are kept exactly with `high=255`. An image in colour is three: its red, green and blue.
    """
    scaled = (pixels.detach().double().cpu() - low) / (high - low)
    levels = (scaled.clamp(0, 1) * LEVELS).round().int().tolist()
    return [(name, at, "".join(f"{each:02x}" for each in row)) for at, row in enumerate(levels)]


def pixel_table(rows: Iterable[tuple[str, int, str]]) -> Table:
    """Several images."""
    return table("image row pixels", "", rows)


def pixels_in(
    images: Table, name: str, low: float = 0.0, high: float = 1.0
) -> tuple[tuple[float, ...], ...]:
    """The image of that name as `pixel_rows` took it, up to half a level."""
    rows = images.where(image=name).column("pixels")
    step = (high - low) / LEVELS
    return tuple(tuple(low + step * level for level in bytes.fromhex(str(row))) for row in rows)
