"""Whether an ensemble fits in memory, asked before anything runs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import final

from defib.ensemble.kernel.optimizers import SLOTS
from defib.ensemble.kernel.snapshots import row_length
from defib.ensemble.specification import Training
from defib.errors import UsageError

_ORDER_BYTES = 4
_INITIAL_BYTES = 8 * 6
"""Starting weights are drawn in float64, from arrays of 64-bit words."""


@final
@dataclass(frozen=True)
class MemoryNeed:
    """Bytes that a training needs beside its data: linear in the number of networks."""

    per_network: int
    fixed: int

    def total(self, networks: int) -> int:
        return self.fixed + networks * self.per_network


def memory_need(
    training: Training, *, points: int, snapshots: int = 0, given_epochs: int = 0, threads: int = 1
) -> MemoryNeed:
    """An upper bound: parameters, what the optimiser remembers, snapshots and given orders of each
    network twice, as computed with and as handed back; and the working memory of each thread."""
    network = training.network
    number = 4 if training.precision == "float32" else 8
    state = network.parameters * (1 + SLOTS[training.optimizer.name])
    rows = snapshots * row_length(len(network.layers))
    per_network = 2 * number * (state + rows)
    per_network += 2 * _ORDER_BYTES * given_epochs * points + _INITIAL_BYTES * network.parameters
    lanes = 64 // number
    columns = network.widths[0] + 2 * network.widths[-1] + network.units
    scratch = lanes * number * (network.parameters + columns * training.batch_size)
    packed = lanes * number * points * (network.widths[0] + network.widths[-1])
    fixed = threads * (scratch + packed + 2 * _ORDER_BYTES * lanes * points)
    return MemoryNeed(per_network, fixed)


def check_memory(need: MemoryNeed, networks: int, available: int) -> None:
    """Raises `UsageError` where `networks` need more than `available` bytes."""
    total = need.total(networks)
    if total <= available:
        return
    possible = max(0, (available - need.fixed) // need.per_network)
    advice = "Train smaller networks or take fewer snapshots."
    if possible:
        advice = (
            f"At most {possible:,} fit: train them in parts, the next one with "
            f"first_network={possible}, or take fewer snapshots."
        )
    raise UsageError(
        f"{networks:,} networks need {_size(total)} of memory, {_size(need.per_network)} each; "
        f"{_size(available)} are free. {advice}"
    )


def available_memory() -> int:
    """Bytes that can be used without swapping; all of the memory where the system does not tell."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 2**63 - 1


def _size(count: int) -> str:
    for unit, name in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count} bytes"
