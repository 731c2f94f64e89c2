"""Worked mathematics: exact numbers and symbols in, a list of steps out. One file a derivation."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from defib.derivations.backprop import backpropagation

__all__ = ["backpropagation"]


def __getattr__(name: str) -> object:
    """`backpropagation`, imported when it is first asked for: SymPy takes a third of a second."""
    if name != "backpropagation":
        raise AttributeError(f"module `defib.derivations` has no attribute `{name}`.")
    from defib.derivations.backprop import backpropagation

    return backpropagation
