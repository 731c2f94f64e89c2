from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from defib.monitor.watching import Watching, WatchOptions
from defib.records.reading import read_run
from defib.records.run import RunRecord


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@contextmanager
def watched(directory: Path, *, strict: bool = True) -> Iterator[Watching]:
    """A watch that looks at every step, and that lets its own errors pass where strict."""
    watching = Watching(directory, options=WatchOptions(budget=1.0, is_strict=strict))
    try:
        yield watching
    finally:
        watching.finish()


def record_of(directory: Path) -> RunRecord:
    return read_run(directory)
