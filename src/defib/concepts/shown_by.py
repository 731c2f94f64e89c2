"""Which study answers which exercise, read from the files of the studies.

Importing them would bring in torch and compilers, which takes seconds; a page needs a line of each.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import final

import defib.concepts


@final
@dataclass(frozen=True)
class NamedStudy:
    """A study by its name, with its question and the exercises that it says it answers."""

    name: str
    question: str
    exercises: tuple[str, ...]


def studies_for(exercises: Iterable[str]) -> tuple[NamedStudy, ...]:
    """The studies that name one of the exercises, by name."""
    wanted = set(exercises)
    return tuple(each for each in named_studies() if wanted & set(each.exercises))


@cache
def named_studies() -> tuple[NamedStudy, ...]:
    """Every study of the package, by name."""
    folder = Path(next(iter(defib.concepts.__path__))).parent / "studies"
    files = {file.stem: file for file in folder.glob("*.py")}
    files |= {file.parent.name: file for file in folder.glob("*/study.py")}
    return tuple(each for name in sorted(files) for each in _studies_of(name, files[name]))


def _studies_of(module: str, file: Path) -> Iterator[NamedStudy]:
    """The study that a file makes by `STUDY = Study((exercises), ...)`, if it does."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    question = (ast.get_docstring(tree) or "").partition("\n")[0]
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="STUDY")], value=ast.Call(args=[first, *_])):
                yield NamedStudy(module.replace("_", "-"), question, ast.literal_eval(first))
            case _:
                continue
