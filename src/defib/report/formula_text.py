"""Formulas on one line of a terminal: `∂L/∂w₂ = 2·(ŷ − y)·h₂ = 30`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from fractions import Fraction

from defib.records import formula
from defib.records.formula import Formula

GREEK: Mapping[str, str] = {
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "delta": "δ",
    "Delta": "Δ",
    "epsilon": "ε",
    "eta": "η",
    "theta": "θ",
    "lambda": "λ",
    "mu": "μ",
    "nu": "ν",
    "rho": "ρ",
    "sigma": "σ",
    "tau": "τ",
    "phi": "φ",
    "pi": "π",
    "infinity": "∞",
    "deta": "dη",
}
HATS: Mapping[str, str] = {"yhat": "ŷ", "mhat": "m̂", "vhat": "v̂", "zhat": "ẑ", "xbar": "x̄"}
SHORT_CHAIN = 64
"""Characters up to which a chain stands on one line, in pages and documents too."""
_LOW = str.maketrans("0123456789+-=()aeioruvxhjklmnpst", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑᵢₒᵣᵤᵥₓₕⱼₖₗₘₙₚₛₜ")
_HIGH = str.maketrans("0123456789+-=()in", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁱⁿ")
_CAN_BE_LOW = frozenset("0123456789+-=()aeioruvxhjklmnpst")
_CAN_BE_HIGH = frozenset("0123456789+-=()in")


class Binding(IntEnum):
    """How tightly the outermost operation of a formula holds together."""

    RELATION = 0
    SUM = 1
    PRODUCT = 2
    QUOTIENT = 3
    POWER = 4
    ATOM = 5


def formula_text(written: Formula) -> str:
    """The formula on one line."""
    match written:
        case formula.Number(value):
            return number_text(value)
        case formula.Rounded(value, digits):
            return f"{value:,.{digits}f}"
        case formula.Symbol():
            return _symbol(written)
        case formula.Words(text):
            return text
        case formula.Sum(terms):
            return _sum(terms)
        case formula.Negative(inside):
            return f"−{_within(inside, Binding.PRODUCT)}"
        case formula.Product(factors):
            return "·".join(_within(factor, Binding.QUOTIENT) for factor in factors)
        case formula.Quotient(above, below):
            return f"{_above(above)}/{_within(below, Binding.POWER)}"
        case formula.Power(base, exponent):
            return _power(base, exponent)
        case formula.Root(inside):
            return f"√{_within(inside, Binding.ATOM)}"
        case formula.Call(name, arguments):
            inside = ", ".join(map(formula_text, arguments))
            return f"{GREEK.get(name, name)}({inside})"
        case formula.Partial(of, by):
            return f"∂{_derived(of)}/∂{_derived(by)}"
        case formula.Series(sign, lower, upper, body):
            ends = formula_text(lower) + (f"…{formula_text(upper)}" if upper is not None else "")
            return f"{sign}[{ends}] {_within(body, Binding.PRODUCT)}"
        case formula.Matrix(rows):
            return "[" + "; ".join("  ".join(map(formula_text, row)) for row in rows) + "]"
        case formula.Group(inside):
            return f"({formula_text(inside)})"
        case formula.Chain():
            first = formula_text(written.members[0])
            return first + "".join(f" {sign} {formula_text(each)}" for sign, each in written.links)
        case _:
            raise AssertionError(written)


def chain_lines(written: Formula, width: int) -> tuple[str, ...]:
    """The formula in lines of at most `width`, a chain broken before its signs if need be.

    What follows a break stands under the first sign; a member that is longer than a line is
    left to the terminal.
    """
    whole = formula_text(written)
    if len(whole) <= width:
        return (whole,)
    if not isinstance(written, formula.Chain):
        return tuple(_broken_sum(whole, width, 4))
    first = formula_text(written.members[0])
    indent = " " * (len(first) if len(first) <= width // 3 else 4)
    lines = [first]
    for sign, member in written.links:
        part = f" {sign} {formula_text(member)}"
        is_first = len(lines) == 1 and lines[0] == first and len(indent) == len(first)
        if is_first or len(lines[-1]) + len(part) <= width:
            lines[-1] += part
        else:
            lines.append(indent + part)
    return tuple(piece for line in lines for piece in _broken_sum(line, width, len(indent) + 3))


def _broken_sum(line: str, width: int, depth: int) -> list[str]:
    """A line that is too long, broken before the signs of a sum."""
    pieces, rest = [], line
    indent = " " * depth
    while len(rest) > width:
        cut = max(rest.rfind(f" {sign} ", len(indent), width) for sign in "+−")
        if cut <= len(indent):
            break
        pieces.append(rest[:cut])
        rest = indent + rest[cut + 1 :]
    return [*pieces, rest]


def number_text(value: Fraction) -> str:
    """`36,864`, `−1/2`."""
    sign = "−" if value < 0 else ""
    value = abs(value)
    if value.denominator == 1:
        return f"{sign}{value.numerator:,}"
    return f"{sign}{value.numerator:,}/{value.denominator:,}"


def binding_of(written: Formula) -> Binding:
    """How tightly the outermost operation holds together."""
    match written:
        case formula.Chain():
            return Binding.RELATION
        case formula.Sum() | formula.Negative() | formula.Series():
            return Binding.SUM
        case formula.Product():
            return Binding.PRODUCT
        case formula.Quotient() | formula.Partial():
            return Binding.QUOTIENT
        case formula.Number(value) if value < 0:
            return Binding.SUM
        case formula.Number(value) if value.denominator != 1:
            return Binding.QUOTIENT
        case formula.Power():
            return Binding.POWER
        case _:
            return Binding.ATOM


def _within(inside: Formula, least: Binding) -> str:
    """The formula, in brackets unless it holds together at least as tightly as `least`."""
    text = formula_text(inside)
    return text if binding_of(inside) >= least else f"({text})"


def _derived(written: Formula) -> str:
    is_plain = binding_of(written) in (Binding.ATOM, Binding.POWER)
    return formula_text(written) if is_plain else f"({formula_text(written)})"


def _above(written: Formula) -> str:
    """What stands before a slash: a product needs no brackets unless it has a slash itself."""
    text = formula_text(written)
    is_plain = isinstance(written, formula.Product) and "/" not in text
    return text if is_plain else _within(written, Binding.POWER)


def _sum(terms: tuple[Formula, ...]) -> str:
    result = _within(terms[0], Binding.SUM)
    for term in terms[1:]:
        match term:
            case formula.Negative(inside):
                result += f" − {_within(inside, Binding.PRODUCT)}"
            case formula.Number(value) if value < 0:
                result += f" + ({formula_text(term)})"
            case _:
                result += f" + {_within(term, Binding.PRODUCT)}"
    return result


def _power(base: Formula, exponent: Formula) -> str:
    above = formula_text(exponent).replace("−", "-")
    is_tall = isinstance(base, formula.Symbol) and bool(base.upper)
    below = f"({formula_text(base)})" if is_tall else _within(base, Binding.ATOM)
    if set(above) <= _CAN_BE_HIGH:
        return below + above.translate(_HIGH)
    return f"{below}^{_within(exponent, Binding.ATOM)}"


def _symbol(written: formula.Symbol) -> str:
    name = GREEK.get(written.name) or HATS.get(written.name, written.name)
    upper = written.upper
    if upper:
        is_small = set(upper) <= _CAN_BE_HIGH
        name += upper.translate(_HIGH) if is_small else f"^{upper}"
    if not written.index:
        return name
    joined = "".join(written.index)
    is_clear = all(len(part) == 1 for part in written.index) or len(written.index) == 1
    if not written.is_bracketed and is_clear and set(joined) <= _CAN_BE_LOW:
        return name + joined.translate(_LOW)
    if not written.is_bracketed and len(written.index) == 1:
        return f"{name}_{joined}"
    return f"{name}[{','.join(written.index)}]"
