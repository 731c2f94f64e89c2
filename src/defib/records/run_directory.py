"""Where runs are kept, and the diagnosis beside each."""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RUNS_FOLDER = "defib-runs"
DIAGNOSIS_FILE = "diagnosis.json"


def new_run_directory(script: str, folder: Path, *, now: float | None = None) -> Path:
    """A fresh directory `folder/<script>-<time>`, made now.

    Where `folder` cannot be written, one of the same name under the system's temporary
    directory: a watch never fails for want of a place. Raises `OSError` if there is none.
    """
    stem = re.sub(r"[^a-z0-9]+", "-", Path(script).stem.lower()).strip("-")[:40] or "run"
    name = f"{stem}-{time.strftime('%Y%m%d-%H%M%S', time.localtime(now))}"
    try:
        return _make_unique(folder, name)
    except OSError:
        return _make_unique(Path(tempfile.gettempdir()) / RUNS_FOLDER, name)


def _make_unique(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, 10_000):
        directory = folder / (name if number == 1 else f"{name}-{number}")
        try:
            directory.mkdir()
        except FileExistsError:
            continue
        return directory
    raise FileExistsError(f"`{folder / name}` and 10,000 numbered variants of it exist.")


def write_diagnosis(directory: Path, diagnosis: Mapping[str, Any]) -> None:
    """Write `diagnosis.json`, whole or not at all."""
    target = directory / DIAGNOSIS_FILE
    temporary = target.with_suffix(".tmp")
    text = json.dumps(diagnosis, indent=2, ensure_ascii=False, allow_nan=False)
    temporary.write_text(text + "\n", encoding="utf-8")
    temporary.replace(target)


def newest_run(folder: Path) -> Path | None:
    """The run directory under `folder` that was made last, by its name's time."""
    runs = [each for each in folder.glob("*") if (each / "run.jsonl").is_file()]
    return max(runs, key=lambda each: each.stat().st_mtime, default=None)
