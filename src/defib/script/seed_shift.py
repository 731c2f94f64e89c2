"""Other random numbers for a script that sets its own seeds, and fixed ones for one that does not.

A script that calls `torch.manual_seed(0)` gives one training; several are needed to tell an
effect from chance. With a shift of k, it seeds with k instead. What it draws from generators of
its own (`random.Random(0)`, `numpy.random.default_rng(0)`) stays: that is mostly its data.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any, final

from defib.script.after_import import call_after_import

UNSEEDED = 20_061_206
"""The seed of scripts that set none; any would do."""
_LARGEST = 2**32
"""NumPy takes seeds below this."""


@final
class SeedShift:
    """Seeds everything now, or when it is imported, and shifts what the script seeds itself."""

    def __init__(self, shift: int) -> None:
        self._shift = shift
        self._undo: list[Callable[[], None]] = []

    def start(self) -> None:
        """Call before the script begins."""
        random.seed(UNSEEDED + self._shift)
        self._replace(random, "seed")
        self._undo.append(call_after_import("numpy", self._take_numpy))
        self._undo.append(call_after_import("torch", self._take_torch))

    def stop(self) -> None:
        """Put the functions back."""
        while self._undo:
            self._undo.pop()()

    def _take_numpy(self, numpy: ModuleType) -> None:
        numpy.random.seed(UNSEEDED + self._shift)
        self._replace(numpy.random, "seed")

    def _take_torch(self, torch: ModuleType) -> None:
        torch.manual_seed(UNSEEDED + self._shift)
        self._replace(torch, "manual_seed")
        self._replace(torch.random, "manual_seed")

    # `Any`: modules of other packages.
    def _replace(self, owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def seed(value: Any = None, *arguments: Any, **keywords: Any) -> Any:
            return original(self._shifted(value), *arguments, **keywords)

        setattr(owner, name, seed)
        self._undo.append(partial(setattr, owner, name, original))

    def _shifted(self, seed: Any) -> Any:
        if seed is None:
            return UNSEEDED + self._shift
        return (seed + self._shift) % _LARGEST if isinstance(seed, int) else seed
