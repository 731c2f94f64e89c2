"""How the concepts and the index of the exercises are read.

A concept is a Markdown file of this folder: lines `rules:`, `derivations:` and `exercises:` with
names, an empty line, a title, and the text. `saddle_point.md` is the concept `saddle-point`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import final

import defib.concepts


@final
@dataclass(frozen=True)
class Concept:
    """A word of the field: its page, and the names of what finds, derives and asks about it."""

    name: str
    title: str
    text: str
    rules: tuple[str, ...] = ()
    derivations: tuple[str, ...] = ()
    exercises: tuple[str, ...] = ()


@final
@dataclass(frozen=True)
class Exercise:
    """What an exercise asks, and the commands that answer it, without the word `defib`.

    `missing` is what they leave open; a study that names the exercise answers that.
    """

    name: str
    asked: str
    commands: tuple[str, ...] = ()
    missing: str = ""


@cache
def concepts() -> Mapping[str, Concept]:
    """Every concept by its name, in alphabetical order."""
    folder = files(defib.concepts)
    pages = sorted(each.name for each in folder.iterdir() if each.name.endswith(".md"))
    names = {page.removesuffix(".md").replace("_", "-"): page for page in pages}
    return {
        name: _read(name, folder.joinpath(page).read_text(encoding="utf-8"))
        for name, page in names.items()
    }


def _read(name: str, page: str) -> Concept:
    head, _, body = page.partition("\n\n")
    listed = {
        key: tuple(each.strip() for each in names.split(","))
        for key, _, names in (line.partition(": ") for line in head.splitlines())
    }
    title, _, text = body.partition("\n")
    return Concept(name, title.removeprefix("# "), text.strip(), **listed)


@cache
def exercises() -> Mapping[str, Exercise]:
    """Every exercise by its name, in the order of the course."""
    content = tomllib.loads(files(defib.concepts).joinpath("exercises.toml").read_text("utf-8"))
    return {
        name: Exercise(name, entry["asked"], tuple(entry["commands"]), entry.get("missing", ""))
        for name, entry in content.items()
    }
