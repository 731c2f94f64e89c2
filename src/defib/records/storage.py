"""Writes a run to disk, crash-safe and bounded in size.

A run is a directory of append-only JSON Lines. `run.jsonl` holds what is known of the run
(header, facts, events, ending), `series-*.jsonl` the numbers. Every line is one object with
a `kind`; lines that a reader does not know or cannot parse are passed over, so a torn last
line costs nothing but itself.

Each line is handed to the operating system whole: after `kill -9` it is there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any, final

from defib.records.encoding import encode, encode_special

VERSION = "1.0"
"""Of the layout. A reader takes any version with its own major number."""

RUN_FILE = "run.jsonl"
SERIES_PATTERN = "series-*.jsonl"

Key = tuple[str, str]
"""Metric and subject."""


@final
class RunWriter:
    """Appends to a run directory. Raises `OSError` where a write fails; later ones may succeed.

    The numbers stay under `maximum_bytes`: when they reach it, older segments keep every
    second sample, and of the losses the smallest and the largest of every four. The first
    steps and those near a pinned step are kept whole.
    """

    def __init__(
        self,
        directory: Path,
        *,
        maximum_bytes: int = 45_000_000,
        segment_bytes: int = 2_000_000,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self._maximum_bytes = maximum_bytes
        self._segment_bytes = segment_bytes
        self._run = _LineFile(directory / RUN_FILE)
        self._segments: list[_Segment] = []
        self._series: _LineFile | None = None
        self._columns: dict[tuple[Key, ...], int] = {}
        self._pinned: list[int] = []
        self._closed = False

    def write_header(self, header: Mapping[str, Any]) -> None:
        """The run's beginning: script, arguments, versions, time."""
        self._run.write({"kind": "run", "version": VERSION, **encode(header)})

    def write_fact(self, field: str, fact: object) -> None:
        """A fact dataclass for the record's `field` (`layers`, ...); the same name replaces."""
        self._run.write({"kind": "fact", "field": field, "fact": encode(fact)})

    def write_event(self, event: object) -> None:
        """An `Event`."""
        self._run.write({"kind": "event", "event": encode(event)})

    def write_state(self, state: Mapping[str, Any]) -> None:
        """Totals so far (steps, seconds, coverage, ...); the last one counts."""
        self._run.write({"kind": "state", **encode(state)})

    def write_sample(self, step: int, keys: tuple[Key, ...], values: Sequence[float]) -> None:
        """One number for each key, at `step`."""
        series = self._segment()
        number = self._columns.get(keys)
        if number is None:
            number = self._columns[keys] = len(self._columns)
            series.write({"kind": "columns", "id": number, "columns": keys})
        series.write_text(
            f'{{"kind":"sample","step":{step},"columns":{number},"values":[{numbers(values)}]}}'
        )

    def write_losses(self, subject: str, steps: Sequence[int], values: Sequence[float]) -> None:
        """The losses of `steps`, which ascend."""
        if not steps:
            return
        text = ",".join(map(str, steps))
        if steps[-1] - steps[0] == len(steps) - 1:
            text = f'"first":{steps[0]}'
        else:
            text = f'"steps":[{text}]'
        name = json.dumps(subject)
        self._segment().write_text(
            f'{{"kind":"losses","subject":{name},{text},"values":[{numbers(values)}]}}'
        )

    def pin(self, step: int) -> None:
        """Never thin out the neighbourhood of `step`."""
        self._pinned.append(step)

    def close(self) -> None:
        """Close the files. May be called twice."""
        self._run.close()
        if self._series is not None:
            self._series.close()

    def _segment(self) -> _LineFile:
        if self._series is not None and self._series.size < self._segment_bytes:
            return self._series
        if self._series is not None:
            self._series.close()
            self._segments[-1].bytes = self._series.size
            self._make_room()
        path = self.directory / f"series-{len(self._segments):06d}.jsonl"
        self._segments.append(_Segment(path))
        self._series = _LineFile(path)
        self._columns = {}
        return self._series

    def _make_room(self) -> None:
        while sum(each.bytes for each in self._segments) > self._maximum_bytes:
            # The least thinned and, among those, the oldest: resolution fades with age.
            segment = min(self._segments, key=lambda each: each.thinned)
            before = segment.bytes
            segment.bytes = thin(segment.path, self._pinned)
            segment.thinned += 1
            if segment.bytes > 0.9 * before:
                return


@final
class _Segment:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.bytes = 0
        self.thinned = 0


@final
class _LineFile:
    """A file to which whole lines are appended."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self.size = os.fstat(self._descriptor).st_size
        # A torn line of an earlier process, or of a full disk, must not swallow the next one.
        self._is_torn = self.size > 0

    def write(self, line: Mapping[str, Any]) -> None:
        self.write_text(json.dumps(line, separators=(",", ":"), allow_nan=False))

    def write_text(self, text: str) -> None:
        data = (("\n" if self._is_torn else "") + text + "\n").encode()
        self._is_torn = True
        written = os.write(self._descriptor, data)
        self.size += written
        if written < len(data):
            raise OSError(f"only {written} of {len(data)} bytes could be written")
        self._is_torn = False

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def numbers(values: Sequence[float]) -> str:
    """Comma-separated numbers that read back as the same float32."""
    # 9 significant digits identify every float32.
    if all(map(isfinite, values)):
        return ("%.9g," * len(values) % tuple(values))[:-1]
    return ",".join(
        f"{value:.9g}" if isfinite(value) else f'"{encode_special(value)}"' for value in values
    )


KEPT_AROUND_PIN = 50
"""Steps on either side of a pinned one that thinning spares."""
KEPT_AT_START = 200
"""First steps that thinning spares."""


def thin(path: Path, pinned: Sequence[int]) -> int:
    """Rewrite a segment with about half of its numbers; returns its new size in bytes.

    The old file is replaced at once when the new one is complete.
    """
    temporary = path.with_suffix(".tmp")
    losses: dict[str, list[tuple[int, Any]]] = {}
    keep_next = True
    with path.open("rb") as old, temporary.open("wb") as new:
        for raw in old:
            try:
                line = json.loads(raw)
            except ValueError:
                continue
            if line["kind"] == "losses":
                losses.setdefault(line["subject"], []).extend(_pairs(line))
                continue
            if line["kind"] == "sample" and not _is_kept(line["step"], pinned):
                keep_next = not keep_next
                if not keep_next:
                    continue
            new.write(raw)
        for subject, pairs in losses.items():
            new.write(_thinned_losses(subject, pairs, pinned))
    temporary.replace(path)
    return path.stat().st_size


def _is_kept(step: int, pinned: Sequence[int]) -> bool:
    return step < KEPT_AT_START or any(abs(step - pin) <= KEPT_AROUND_PIN for pin in pinned)


def _pairs(line: Mapping[str, Any]) -> list[tuple[int, Any]]:
    values = line["values"]
    first = line.get("first", 0)
    return list(zip(line.get("steps", range(first, first + len(values))), values, strict=True))


def _thinned_losses(subject: str, pairs: Sequence[tuple[int, Any]], pinned: Sequence[int]) -> bytes:
    """Of every four losses the least and the greatest; non-finite (strings) and kept ones all."""
    chosen: list[tuple[int, Any]] = []
    for start in range(0, len(pairs), 4):
        block = pairs[start : start + 4]
        plain = sorted((pair for pair in block if not isinstance(pair[1], str)), key=_value)
        extremes = {plain[0][0], plain[-1][0]} if plain else set()
        chosen += [
            pair
            for pair in block
            if pair[0] in extremes or isinstance(pair[1], str) or _is_kept(pair[0], pinned)
        ]
    line = {
        "kind": "losses",
        "subject": subject,
        "steps": [step for step, _ in chosen],
        "values": [value for _, value in chosen],
    }
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def _value(pair: tuple[int, Any]) -> float:
    return pair[1]
