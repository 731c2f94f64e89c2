"""What networks say of every place of the plane, as tables and as panels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from defib.datasets.playground import PlanePoints
from defib.records.chart import Plane
from defib.records.study import StudyResult, Table
from defib.studies.tables import table

SIDE = 61
"""Places along each side of a picture."""
EXTENT = 1.1


def places() -> Tensor:
    """The places, row by row from the lowest y, shape (SIDE², 2)."""
    along = np.linspace(-EXTENT, EXTENT, SIDE, dtype=np.float32)
    x, y = np.meshgrid(along, along)
    return torch.from_numpy(np.stack([x.ravel(), y.ravel()], axis=1))


def region_rows(name: str, outputs: Tensor) -> list[tuple[str, int, str]]:
    """A row of text for each row of places: `1` where the output (SIDE²,) is above 0."""
    rows = (outputs.detach().reshape(SIDE, SIDE) > 0).int().tolist()
    return [(name, at, "".join(map(str, row))) for at, row in enumerate(rows)]


def region_table(rows: Sequence[tuple[str, int, str]]) -> Table:
    """The regions of several networks."""
    return table("network row places", "", rows)


def point_table(points: PlanePoints) -> Table:
    """The points with their classes."""
    rows = zip(points.inputs[:, 0], points.inputs[:, 1], points.classes, strict=True)
    return table("x y label", "", rows)


def planes(result: StudyResult, names: Sequence[str], title: Callable[[str], str]) -> list[Plane]:
    """A panel for each network of the first seed."""
    regions, points = result.by_seed("regions"), result.by_seed("points")
    return [
        Plane(
            points.numbers("x"),
            points.numbers("y"),
            tuple(int(each) for each in points.numbers("label")),
            tuple(
                tuple(float(each) for each in str(row))
                for row in regions.where(network=name).column("places")
            ),
            EXTENT,
            title(name),
            threshold=0.5,
        )
        for name in names
    ]
