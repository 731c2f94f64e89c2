"""Keeps what `defib check` measured, so that it can be judged again by other rules."""

from __future__ import annotations

import copyreg
import pickle
from pathlib import Path
from types import MappingProxyType
from typing import Any

from defib.records.preflight import PreflightRecord

FILE = "check.pickle"


def read_only(content: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(content)


copyreg.pickle(MappingProxyType, lambda proxy: (read_only, (dict(proxy),)))


def write_preflight(record: PreflightRecord, directory: Path) -> None:
    directory.joinpath(FILE).write_bytes(pickle.dumps(record))


def read_preflight(directory: Path) -> PreflightRecord | None:
    """`None` where there is none, or where records have changed since."""
    try:
        # Written by this program, in a folder of its own.
        record = pickle.loads(directory.joinpath(FILE).read_bytes())
    except (OSError, AttributeError, ImportError, TypeError, pickle.UnpicklingError):
        return None
    return record if isinstance(record, PreflightRecord) else None
