"""Which networks a module defines: classes, functions that make one, instances."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any, final

from torch import nn

from defib.report.quantities import enumeration


@final
@dataclass(frozen=True)
class Definitions:
    """Names in the module `place` that can be inspected, and a sentence that tells them."""

    place: str
    classes: tuple[str, ...]
    factories: tuple[str, ...]
    instances: tuple[str, ...]
    functions: tuple[str, ...]
    """Functions that do not say what they return."""

    @property
    def names(self) -> tuple[str, ...]:
        """All that are certainly networks, then the functions."""
        return (*self.classes, *self.factories, *self.instances, *self.functions)

    def __str__(self) -> str:
        kinds = {
            "classes": self.classes,
            "factories": self.factories,
            "networks": self.instances,
        }
        known = [
            f"the {kind if len(names) > 1 else _SINGULAR[kind]} {_quoted(names)}"
            for kind, names in kinds.items()
            if names
        ]
        if known:
            return f"It defines {' and '.join(known)}: write `{self.place}:{self.names[0]}`."
        if self.functions:
            return (
                f"It defines no network; of its functions {_quoted(self.functions)} one may "
                f"make one: write `{self.place}:{self.functions[0]}`."
            )
        return "It defines no network and no function that makes one."


_SINGULAR = {"classes": "class", "factories": "factory", "networks": "network"}


def _quoted(names: tuple[str, ...]) -> str:
    return enumeration(tuple(f"`{name}`" for name in names))


def definitions_of(module: ModuleType, place: str) -> Definitions:
    """The networks that the module itself defines, in the order of its source."""
    classes, factories, instances, functions = [], [], [], []
    for name, value in vars(module).items():
        if name.startswith("_"):
            continue
        if isinstance(value, nn.Module):
            instances.append(name)
        elif getattr(value, "__module__", None) != module.__name__:
            continue
        elif isinstance(value, type) and issubclass(value, nn.Module):
            classes.append(name)
        elif isinstance(value, FunctionType):
            (factories if _makes_network(value) else functions).append(name)
    silent = [name for name in functions if "return" not in vars(module)[name].__annotations__]
    return Definitions(place, tuple(classes), tuple(factories), tuple(instances), tuple(silent))


def _makes_network(function: Callable[..., Any]) -> bool:
    try:
        result = typing.get_type_hints(function).get("return")
    except Exception:  # annotations may name anything, also what is imported for checkers only
        result = inspect.signature(function).return_annotation
    return isinstance(result, type) and issubclass(result, nn.Module)
