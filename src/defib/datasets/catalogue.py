"""Every data set that has a name, found by looking into `published/`."""

from __future__ import annotations

import importlib
import pkgutil
import re
from functools import cache

from defib.datasets import published
from defib.datasets.published_set import PublishedSet
from defib.errors import UnknownNameError


@cache
def published_sets() -> tuple[PublishedSet, ...]:
    """The published data sets, by name."""
    found: list[PublishedSet] = []
    for module in pkgutil.iter_modules(published.__path__, f"{published.__name__}."):
        members = vars(importlib.import_module(module.name)).values()
        found += [member for member in members if isinstance(member, PublishedSet)]
    return tuple(sorted(found, key=lambda each: each.name))


def published_set(name: str) -> PublishedSet:
    """The data set called `name`; case, dashes and underscores do not count.

    Raises `UnknownNameError` where there is none.
    """
    wanted = _letters(name)
    for each in published_sets():
        if _letters(each.name) == wanted:
            return each
    names = [each.name for each in published_sets()]
    raise UnknownNameError("data set", name, names, advice=f"There are {', '.join(names)}.")


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
