"""SymPy, imported here and nowhere else.

Its own types are incomplete (an operator gives a `Basic`, an element of a matrix anything), so
that for a type checker everything of it is `Any`.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import sympy as _sympy

sympy: Any = _sympy

Expr: TypeAlias = Any
"""An exact number or expression of SymPy."""
Matrix: TypeAlias = Any
"""An immutable matrix of SymPy; a vector is a column."""
