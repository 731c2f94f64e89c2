"""Every schedule, found by looking into this folder."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache

from defib import schedules
from defib.errors import UnknownNameError
from defib.schedules.base import Schedule


@cache
def every_schedule() -> tuple[type[Schedule], ...]:
    """The schedules, by name."""
    found: list[type[Schedule]] = []
    for module in pkgutil.iter_modules(schedules.__path__, f"{schedules.__name__}."):
        members = vars(importlib.import_module(module.name)).values()
        found += [
            member
            for member in members
            if inspect.isclass(member)
            and issubclass(member, Schedule)
            and member.__module__ == module.name
            and not inspect.isabstract(member)
        ]
    return tuple(sorted(found, key=lambda each: each.name()))


def schedule_called(name: str) -> type[Schedule]:
    """The schedule `name`. Raises `UnknownNameError` if there is none."""
    known = {each.name(): each for each in every_schedule()}
    if name not in known:
        advice = f"There are {', '.join(known)}."
        raise UnknownNameError("schedule", name, known, advice=advice)
    return known[name]
