"""The names of the fixes, known without importing torch."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from defib.errors import UnknownNameError, UsageError


@cache
def fix_names() -> tuple[str, ...]:
    """Every fix of the package, in alphabetical order."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return tuple(file.stem.replace("_", "-") for file in files if _holds_fix(file))


def check_fix(text: str) -> None:
    """Raise `UnknownNameError` or `UsageError` unless `text` is `NAME` or `NAME=NUMBER`."""
    name, _, value = text.partition("=")
    if name not in fix_names():
        raise UnknownNameError("fix", name, fix_names(), advice="`defib fixes` lists them.")
    try:
        float(value or 0)
    except ValueError:
        raise UsageError(f"`--with {text}`: expected a number, got `{value}`.") from None


def _holds_fix(file: Path) -> bool:
    return any(_is_fix(each) for each in ast.parse(file.read_text("utf-8")).body)


def _is_fix(node: ast.stmt) -> bool:
    """A final class: what several fixes have in common is `Fix` or `...Fix`, and not final."""
    if not isinstance(node, ast.ClassDef):
        return False
    bases = [each.id for each in node.bases if isinstance(each, ast.Name)]
    decorators = [each.id for each in node.decorator_list if isinstance(each, ast.Name)]
    return "final" in decorators and any(each.endswith("Fix") for each in bases)
