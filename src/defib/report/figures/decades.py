"""Where the numbers stand on a logarithmic axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np
from matplotlib.ticker import Locator, LogLocator

FEWEST = 2
"""Numbers in view: from one alone nobody reads a scale."""
PARTS = (1.0, 2.0, 5.0)
"""Of each power of ten, where there are too few powers."""


@final
class Decades(Locator):
    """At most about `most` powers of ten.

    Where fewer than two are in view, also 2 and 5 times each; where those are too few as well,
    round numbers at equal distances.
    """

    def __init__(self, most: int) -> None:
        self._powers = LogLocator(numticks=most)
        # Falls back to equal distances by itself.
        self._parts = LogLocator(subs=PARTS, numticks=most)

    def __call__(self) -> Sequence[float]:
        assert self.axis is not None
        return self.tick_values(*self.axis.get_view_interval())

    def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
        low, high = sorted((vmin, vmax))
        powers = _positive(self._powers.tick_values(low, high))
        if np.count_nonzero((powers >= low) & (powers <= high)) >= FEWEST:
            return powers.tolist()
        return _positive(self._parts.tick_values(low, high)).tolist()


def _positive(values: Sequence[float]) -> np.ndarray:
    places = np.asarray(values)
    return places[places > 0]
