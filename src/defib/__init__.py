"""Finds out why a neural network does not train, names the line, and gets it training.

The names below are the whole public interface. Each is imported when it is first used, so
that `import defib` costs nothing and brings in no torch.
"""

from __future__ import annotations

from importlib import import_module

# Type checkers take this name as true; `typing` itself would double the time of the import.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from defib.diagnosis import diagnose
    from defib.integrations.inspect import inspect
    from defib.integrations.lr_range_test import lr_candidate_test, lr_range_test
    from defib.integrations.watch import watch
    from defib.records.finding import Diagnosis, Finding
    from defib.records.reading import read_run
    from defib.records.run import RunRecord

    __version__: str

_DEFINED_IN = {
    "Diagnosis": "defib.records.finding",
    "Finding": "defib.records.finding",
    "RunRecord": "defib.records.run",
    "diagnose": "defib.diagnosis",
    "inspect": "defib.integrations.inspect",
    "lr_candidate_test": "defib.integrations.lr_range_test",
    "lr_range_test": "defib.integrations.lr_range_test",
    "read_run": "defib.records.reading",
    "watch": "defib.integrations.watch",
}
"""Public name -> the module that defines it. At most 15 names."""

__all__ = [
    "Diagnosis",
    "Finding",
    "RunRecord",
    "diagnose",
    "inspect",
    "lr_candidate_test",
    "lr_range_test",
    "read_run",
    "watch",
]


def __getattr__(name: str) -> object:
    """The public object called `name`, imported now and remembered."""
    if name == "__version__":
        from importlib.metadata import version

        value: object = version("defib")
    elif name in _DEFINED_IN:
        value = getattr(import_module(_DEFINED_IN[name]), name)
    else:
        raise AttributeError(f"module `defib` has no attribute `{name}`.")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_DEFINED_IN, "__version__"})
