"""Remembers where in the user's code modules, optimisers and loaders were made."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any, final

import torch
from torch.utils.data import DataLoader

from defib.discovery.patches import Patches
from defib.discovery.sites import site_at, user_frame_creating
from defib.records.site import Site

Guard = Callable[[str, Callable[..., None]], Callable[..., None]]
"""`guard(place, action)`: an action whose exceptions never reach the user's code."""


@final
class Creations:
    """Where objects were made, by identity; forgets an object with its death.

    Keys are identities because user classes may define `__eq__` without `__hash__`.
    """

    def __init__(self) -> None:
        self._places: dict[int, tuple[weakref.ref[Any], tuple[str, int, str] | None]] = {}

    def note(self, instance: object) -> None:
        """Remember the user's line that makes `instance`; the first call counts."""
        key = id(instance)
        known = self._places.get(key)
        if known is not None and known[0]() is instance:
            return
        frame = user_frame_creating(instance, sys._getframe(1))
        if frame is None:
            return
        code = frame.f_code
        self._remember(instance, (code.co_filename, frame.f_lineno, code.co_name))

    def adopt(self, instance: object) -> None:
        """Know an object whose making was not seen."""
        if self.site(instance) is None:
            self._remember(instance, None)

    def _remember(self, instance: object, place: tuple[str, int, str] | None) -> None:
        key = id(instance)
        forget = _Forget(self._places, key)
        self._places[key] = (weakref.ref(instance, forget), place)

    def site(self, instance: object) -> Site | None:
        """Where `instance` was made; `None` for copies and unpickled objects."""
        known = self._places.get(id(instance))
        if known is None or known[0]() is not instance:
            return None
        return site_at(*known[1]) if known[1] is not None else None

    def living(self, kind: type) -> Iterator[Any]:
        """The remembered objects of class `kind` that still exist, oldest first."""
        for reference, _ in list(self._places.values()):
            instance = reference()
            if isinstance(instance, kind):
                yield instance


@final
class _Forget:
    def __init__(self, places: dict[int, Any], key: int) -> None:
        self.places = places
        self.key = key

    def __call__(self, reference: weakref.ref[Any]) -> None:
        known = self.places.get(self.key)
        if known is not None and known[0] is reference:
            del self.places[self.key]


_KINDS = (torch.nn.Module, torch.optim.Optimizer, DataLoader)


def watch_creation(
    patches: Patches, creations: Creations, guard: Guard, kinds: Iterable[type] = _KINDS
) -> None:
    """From now on note every object of `kinds` that is made: modules, optimisers, loaders."""
    note = guard("creation", creations.note)
    for kind in kinds:
        patches.replace(kind, "__init__", lambda original: _noting(original, note))


def _noting(original: Callable[..., None], note: Callable[..., None]) -> Callable[..., None]:
    def __init__(self: object, *arguments: Any, **keywords: Any) -> None:  # noqa: N807
        note(self)
        original(self, *arguments, **keywords)

    return __init__
