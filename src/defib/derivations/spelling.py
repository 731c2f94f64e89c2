"""Formulas spelled as Python expressions: what is shown is what is computed.

`spelled("p - lr*g/(sqrt(v) + eps)")` is a formula in the order of writing; `computed` gives
its value for values of its symbols, `with_values` the same formula with the numbers put in.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from defib.derivations.activations import LEAKY_SLOPE
from defib.derivations.algebra import Expr, sympy
from defib.derivations.writing import Writable, shown, symbol, written
from defib.records import formula
from defib.records.formula import Formula

SPELLINGS: Mapping[str, str] = {
    "lr": "eta",
    "eps": "epsilon",
    "beta1": "beta_1",
    "beta2": "beta_2",
    "wd": "lambda",
}
"""Names in expressions -> how they are written where that differs."""


def spelled(text: str, **parts: Writable) -> Formula:
    """The formula that a Python expression spells; `parts` stand in place of names."""
    return _formula(ast.parse(text, mode="eval").body, parts)


def _formula(node: ast.expr, parts: Mapping[str, Writable]) -> Formula:
    match node:
        case ast.Constant(value=int() as number):
            return written(number)
        case ast.Name(id=name):
            return written(parts[name]) if name in parts else symbol(SPELLINGS.get(name, name))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return formula.Negative(_formula(operand, parts))
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return formula.Power(_formula(left, parts), _formula(right, parts))
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return formula.Quotient(_formula(left, parts), _formula(right, parts))
        case ast.BinOp(op=ast.Mult()):
            return formula.Product(tuple(_formula(x, parts) for x in _operands(node, ast.Mult)))
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as sign, right=right):
            first, second = _formula(left, parts), _formula(right, parts)
            terms = first.terms if isinstance(first, formula.Sum) else (first,)
            last = formula.Negative(second) if isinstance(sign, ast.Sub) else second
            return formula.Sum((*terms, last))
        case ast.Call(func=ast.Name(id="sqrt"), args=[inside]):
            return formula.Root(_formula(inside, parts))
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return formula.Call(name, tuple(_formula(each, parts) for each in arguments))
        case _:
            raise AssertionError(ast.dump(node))


def _operands(node: ast.expr, kind: type[ast.operator]) -> list[ast.expr]:
    match node:
        case ast.BinOp(left=left, op=operator, right=right) if isinstance(operator, kind):
            return [*_operands(left, kind), right]
        case _:
            return [node]


_FUNCTIONS: Mapping[str, Callable[..., Expr]] = {
    "exp": sympy.exp,
    "ln": sympy.log,
    "tanh": sympy.tanh,
    "max": sympy.Max,
    "min": sympy.Min,
    "abs": sympy.Abs,
    "floor": sympy.floor,
    "ReLU": lambda x: sympy.Max(x, 0),
    "LeakyReLU": lambda x: sympy.Max(x, LEAKY_SLOPE * x),
    "sigma": lambda x: 1 / (1 + sympy.exp(-x)),
    "identity": lambda x: x,
}


def computed(part: Formula, values: Mapping[str, Any]) -> Expr:
    """The exact value, given that of each symbol by its spelled name."""
    match part:
        case formula.Number(value):
            return sympy.Rational(value.numerator, value.denominator)
        case formula.Symbol():
            return sympy.sympify(values[name_of(part)])
        case formula.Group(inside):
            return computed(inside, values)
        case formula.Negative(inside):
            return -computed(inside, values)
        case formula.Sum(terms):
            return sympy.Add(*(computed(term, values) for term in terms))
        case formula.Product(factors):
            return sympy.Mul(*(computed(factor, values) for factor in factors))
        case formula.Quotient(above, below):
            return computed(above, values) / computed(below, values)
        case formula.Power(base, exponent):
            return computed(base, values) ** computed(exponent, values)
        case formula.Root(inside):
            return sympy.sqrt(computed(inside, values))
        case formula.Call(name, arguments):
            return _FUNCTIONS[name](*(computed(each, values) for each in arguments))
        case _:
            raise AssertionError(part)


def with_values(part: Formula, values: Mapping[str, Any]) -> Formula:
    """The formula with what is known put in place of its symbols."""
    if isinstance(part, formula.Symbol):
        name = name_of(part)
        return shown(values[name]) if name in values else part
    if not is_dataclass(part):
        return part
    changes = {each.name: _replaced(getattr(part, each.name), values) for each in fields(part)}
    return replace(part, **changes)


def _replaced(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, Formula):
        return with_values(value, values)
    if isinstance(value, tuple):
        return tuple(_replaced(each, values) for each in value)
    return value


_SPELLED = {written_as: spelling for spelling, written_as in SPELLINGS.items()}


def name_of(part: formula.Symbol) -> str:
    """How a symbol is spelled: `eta` is `lr`, `beta_1` is `beta1`."""
    full = part.name + (f"_{''.join(part.index)}" if part.index else "")
    return _SPELLED.get(full, full)


def letter(name: str) -> formula.Symbol:
    """How a spelled name is written."""
    return symbol(SPELLINGS.get(name, name))


def names_in(text: str) -> frozenset[str]:
    """The names of values in a spelled expression, without those of functions."""
    tree = ast.parse(text, mode="eval")
    called = {node.func for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return frozenset(
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and node not in called
    )
