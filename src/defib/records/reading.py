"""Reads a run directory back into a `RunRecord`, whatever state it was left in."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, final

import numpy as np

from defib.errors import RunDirectoryError
from defib.records.encoding import Json, decode, decode_number
from defib.records.run import (
    Coverage,
    Event,
    LayerFact,
    LoaderFact,
    LossFact,
    OptimizerFact,
    Origin,
    ParameterFact,
    RunEnding,
    RunRecord,
)
from defib.records.series import Series
from defib.records.storage import RUN_FILE, SERIES_PATTERN, VERSION, Key

_FACTS: Mapping[str, Any] = {
    "layers": LayerFact,
    "parameters": ParameterFact,
    "optimizers": OptimizerFact,
    "losses": LossFact,
    "loaders": LoaderFact,
}


def read_run(directory: Path | str) -> RunRecord:
    """The record of a run directory.

    Lines that cannot be read (a torn last one, other damage, kinds of a newer minor
    version) are passed over. Raises `RunDirectoryError` where there is no run, or one of
    another major version.
    """
    directory = Path(directory)
    builder = _Builder()
    for line in _lines(_run_file(directory)):
        builder.take(line)
    if not builder.has_header:
        raise RunDirectoryError(
            f"`{directory / RUN_FILE}` holds no defib run (its first line should be a header of "
            f"kind `run`). Give a directory that `defib run` wrote; `defib runs` lists them."
        )
    for path in sorted(directory.glob(SERIES_PATTERN)):
        builder.start_segment()
        for line in _lines(path):
            builder.take(line)
    return builder.record()


def _run_file(directory: Path) -> Path:
    path = directory / RUN_FILE
    if not directory.is_dir():
        what = "is a file" if directory.exists() else "does not exist"
        raise RunDirectoryError(
            f"Expected a run directory, but `{directory}` {what}. `defib runs` lists the runs."
        )
    if not path.is_file():
        raise RunDirectoryError(
            f"`{directory}` is no run directory: it holds no `{RUN_FILE}`. "
            "Give a directory that `defib run` wrote; `defib runs` lists them."
        )
    return path


def _lines(path: Path) -> Iterator[Mapping[str, Json]]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RunDirectoryError(f"`{path}` cannot be read: {error.strerror}.") from error
    for raw in data.splitlines():
        try:
            line = json.loads(raw)
        except (ValueError, RecursionError):
            continue
        if isinstance(line, dict) and isinstance(line.get("kind"), str):
            yield line


@final
class _Builder:
    """Collects lines. A line that lacks what its kind needs is passed over."""

    def __init__(self) -> None:
        self.has_header = False
        self._fields: dict[str, Any] = {}
        self._facts: dict[str, dict[str, Any]] = defaultdict(dict)
        self._events: list[Event] = []
        self._columns: dict[int, tuple[Key, ...]] = {}
        self._rows: dict[tuple[Key, ...], list[tuple[int, np.ndarray]]] = defaultdict(list)
        self._losses: dict[str, list[tuple[np.ndarray, np.ndarray]]] = defaultdict(list)

    def start_segment(self) -> None:
        self._columns = {}

    def take(self, line: Mapping[str, Json]) -> None:
        take = _TAKERS.get(line["kind"])
        if take is None:
            return
        try:
            take(self, line)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            return

    def take_header(self, line: Mapping[str, Json]) -> None:
        version = str(line["version"])
        if version.split(".")[0] != VERSION.split(".")[0]:
            raise RunDirectoryError(
                f"The run was written in layout {version}; this defib reads layout {VERSION}. "
                "Read it with the defib that wrote it, or run the script again."
            )
        self.has_header = True
        self._fields |= {
            "script": str(line.get("script", "")),
            "arguments": tuple(map(str, line.get("arguments", ()))),
            "started": str(line.get("started", "")),
            "origin": decode(Origin, line.get("origin") or {}),
            "versions": {str(k): str(v) for k, v in dict(line.get("versions", {})).items()},
            # Written at the end, and not in earlier records.
            "seconds_before": decode_number(line.get("seconds_before", "NaN")),
            "ending": RunEnding.RUNNING,
        }

    def take_fact(self, line: Mapping[str, Json]) -> None:
        fact = decode(_FACTS[line["field"]], line["fact"])
        facts = self._facts[line["field"]]
        # Loaders have no name: each line is one loader.
        facts[str(getattr(fact, "name", getattr(fact, "optimizer", len(facts))))] = fact

    def take_event(self, line: Mapping[str, Json]) -> None:
        self._events.append(decode(Event, line["event"]))

    def take_state(self, line: Mapping[str, Json]) -> None:
        fields: dict[str, Any] = {
            "steps": int(line["steps"]),
            "seconds": float(line["seconds"]),
            "monitor_seconds": float(line["monitor_seconds"]),
            "coverage": decode(Coverage, line["coverage"]),
        }
        if "ending" in line:
            fields["ending"] = RunEnding(line["ending"])
            fields["error"] = str(line.get("error", ""))
        self._fields |= fields

    def take_columns(self, line: Mapping[str, Json]) -> None:
        self._columns[int(line["id"])] = tuple((str(m), str(s)) for m, s in line["columns"])

    def take_sample(self, line: Mapping[str, Json]) -> None:
        keys = self._columns[line["columns"]]
        values = _numbers(line["values"])
        if len(values) == len(keys):
            self._rows[keys].append((int(line["step"]), values))

    def take_losses(self, line: Mapping[str, Json]) -> None:
        values = _numbers(line["values"])
        if "first" in line:
            steps = np.arange(line["first"], line["first"] + len(values))
        else:
            steps = np.array(line["steps"], dtype=np.int64)
        if len(steps) == len(values):
            self._losses[str(line["subject"])].append((steps, values))

    def record(self) -> RunRecord:
        series: dict[str, dict[str, Series]] = defaultdict(dict)
        for subject, chunks in self._losses.items():
            series["loss"][subject] = _merged(chunks)
        for (metric, subject), chunks in self._column_chunks().items():
            series[metric][subject] = _merged(chunks)
        last = max(
            (int(each.steps[-1]) for m in series.values() for each in m.values()), default=-1
        )
        fields = dict(self._fields)
        # A killed run wrote its last totals some steps before its last line.
        fields["steps"] = max(fields.get("steps", 0), last + 1)
        facts: dict[str, Any] = {
            field: tuple(known.values()) for field, known in self._facts.items()
        }
        return RunRecord(**fields, **facts, events=tuple(self._events), series=dict(series))

    def _column_chunks(self) -> Mapping[Key, list[tuple[np.ndarray, np.ndarray]]]:
        chunks: dict[Key, list[tuple[np.ndarray, np.ndarray]]] = defaultdict(list)
        for keys, rows in self._rows.items():
            steps = np.array([step for step, _ in rows])
            table = np.stack([values for _, values in rows])
            for column, key in enumerate(keys):
                chunks[key].append((steps, table[:, column]))
        return chunks


_TAKERS = {
    "run": _Builder.take_header,
    "fact": _Builder.take_fact,
    "event": _Builder.take_event,
    "state": _Builder.take_state,
    "columns": _Builder.take_columns,
    "sample": _Builder.take_sample,
    "losses": _Builder.take_losses,
}


def _numbers(values: list[Json]) -> np.ndarray:
    # One call for the usual case: only `nan` and infinities are strings.
    try:
        return np.array(values, dtype=np.float64)
    except ValueError:
        return np.array([decode_number(each) for each in values])


def _merged(chunks: list[tuple[np.ndarray, np.ndarray]]) -> Series:
    if len(chunks) == 1:
        [(steps, values)] = chunks
    else:
        steps = np.concatenate([each for each, _ in chunks])
        values = np.concatenate([each for _, each in chunks])
    # What was measured later may be of an earlier step.
    if (np.diff(steps) < 0).any():
        order = np.argsort(steps, kind="stable")
        steps, values = steps[order], values[order]
    return Series(steps, values)
