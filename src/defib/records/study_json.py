"""A study's result as JSON, and back; the layout is stable."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from defib.errors import UsageError
from defib.records.encoding import decode, decode_number, encode
from defib.records.study import Claim, StudyResult, Table, Value

RESULT_FILE = "result.json"


def result_as_json(result: StudyResult) -> dict[str, Any]:
    """The result as values that `json.dumps(..., allow_nan=False)` accepts.

    Numbers that JSON lacks are the strings `NaN`, `Infinity` and `-Infinity`.
    """
    return {
        "study": result.study,
        "exercises": list(result.exercises),
        "config": encode(result.config),
        "seed": result.seed,
        "environment": dict(result.environment),
        "claims": [_claim_as_json(claim) for claim in result.claims],
        "tables": {name: table_as_json(table) for name, table in result.tables.items()},
    }


def table_as_json(table: Table) -> dict[str, Any]:
    """`keys` counts the leading columns that say what the others were measured on."""
    rows = [[encode(value) for value in row] for row in table.rows]
    return {"keys": table.keys, "columns": list(table.columns), "rows": rows}


def table_from_json(content: Mapping[str, Any]) -> Table:
    """The inverse of `table_as_json`."""
    rows = tuple(tuple(_value(entry) for entry in row) for row in content["rows"])
    return Table(tuple(content["columns"]), rows, int(content["keys"]))


def result_from_json(content: Mapping[str, Any]) -> StudyResult:
    """The inverse of `result_as_json`."""
    result = StudyResult(
        study=content["study"],
        exercises=tuple(content["exercises"]),
        config=content["config"],
        seed=int(content["seed"]),
        environment=content["environment"],
        tables={name: table_from_json(table) for name, table in content["tables"].items()},
    )
    return replace(result, claims=tuple(_claim_from_json(each) for each in content["claims"]))


def read_result(path: Path) -> StudyResult:
    """The result in `path`: the file, or a folder that holds it. Raises `UsageError`."""
    file = path / RESULT_FILE if path.is_dir() else path
    try:
        return result_from_json(json.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise UsageError(
            f"There is no result of a study at `{path}` ({error.strerror}). Name a folder that "
            "`defib study run` wrote, or its `result.json`."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"`{file}` is not the result of a study ({type(error).__name__}: {error}). Run the "
            "study again with `defib study run`."
        ) from error


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content`, whole or not at all; two writers at once do no harm."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_text(json_text(content), encoding="utf-8")
    temporary.replace(path)


def json_text(content: Mapping[str, Any]) -> str:
    """Indented JSON in which each row of a table is one line."""
    return _laid_out(content, "") + "\n"


def _laid_out(value: Any, indent: str) -> str:
    plain = json.dumps(value, ensure_ascii=False, allow_nan=False)
    is_short = len(indent) + len(plain) <= 100
    if is_short or not isinstance(value, dict | list) or not value or _is_row(value):
        return plain
    inner = indent + "  "
    if isinstance(value, dict):
        parts = [
            f"{inner}{json.dumps(key)}: {_laid_out(each, inner)}" for key, each in value.items()
        ]
        return "{\n" + ",\n".join(parts) + f"\n{indent}}}"
    parts = [inner + _laid_out(each, inner) for each in value]
    return "[\n" + ",\n".join(parts) + f"\n{indent}]"


def _is_row(value: Any) -> bool:
    return isinstance(value, list) and not any(isinstance(each, dict | list) for each in value)


def _claim_as_json(claim: Claim) -> dict[str, Any]:
    content = encode(claim)
    content["published"] = content["published"] or {}
    return content if claim.reason else {k: v for k, v in content.items() if k != "reason"}


def _claim_from_json(content: Mapping[str, Any]) -> Claim:
    return decode(Claim, {**content, "published": content["published"] or None})


def _value(entry: Value) -> Value:
    return decode_number(entry) if entry in ("NaN", "Infinity", "-Infinity") else entry
