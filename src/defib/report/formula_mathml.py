"""Formulas as MathML, which browsers draw without any script."""

from __future__ import annotations

from fractions import Fraction
from html import escape

from defib.records import formula
from defib.records.formula import Formula
from defib.report.formula_text import GREEK, HATS, SHORT_CHAIN, Binding, binding_of, formula_text

_FENCES = {"floor": ("⌊", "⌋"), "ceil": ("⌈", "⌉"), "abs": ("|", "|")}


def formula_mathml(written: Formula) -> str:
    """A `math` element on a line of its own; any name in it is escaped."""
    return f'<math display="block">{_row(written)}</math>'


def inline_mathml(written: Formula) -> str:
    """A `math` element within a line."""
    return f"<math>{_row(written)}</math>"


def chain_rows(written: Formula) -> tuple[tuple[str, str], ...]:
    """The members of a chain as rows of two `math` elements: what stands left, and the rest.

    A short chain is one row. Of a longer one the first row has the first two members; each further
    row begins with its sign.
    """
    if not isinstance(written, formula.Chain) or not written.signs:
        return ((_displayed(_inside(written)), ""),)
    links = [f"{_sign(sign)}{_row(member)}" for sign, member in written.links]
    if len(formula_text(written)) <= SHORT_CHAIN:
        links = ["".join(links)]
    lefts = [_displayed(_inside(written.members[0])), *[""] * (len(links) - 1)]
    return tuple(zip(lefts, map(_displayed, links), strict=True))


def _displayed(inside: str) -> str:
    return f'<math displaystyle="true"><mrow>{inside}</mrow></math>'


def _row(written: Formula) -> str:
    return f"<mrow>{_inside(written)}</mrow>"


def _inside(written: Formula) -> str:
    match written:
        case formula.Number(value):
            return _number(value)
        case formula.Rounded(value, digits):
            return f"<mn>{value:,.{digits}f}</mn>"
        case formula.Symbol():
            return _symbol(written)
        case formula.Words(text):
            return f"<mtext>{escape(text)}</mtext>"
        case formula.Sum(terms):
            return _sum(terms)
        case formula.Negative(inside):
            return f"<mo>−</mo>{_within(inside, Binding.PRODUCT)}"
        case formula.Product(factors):
            return _sign("·").join(_within(factor, Binding.PRODUCT) for factor in factors)
        case formula.Quotient(above, below):
            return f"<mfrac>{_row(above)}{_row(below)}</mfrac>"
        case formula.Power(base, exponent):
            return f"<msup><mrow>{_base(base)}</mrow>{_row(exponent)}</msup>"
        case formula.Root(inside):
            return f"<msqrt>{_inside(inside)}</msqrt>"
        case formula.Call(name, arguments):
            return _call(name, arguments)
        case formula.Partial(of, by):
            sides = (f"<mrow><mo>∂</mo>{_within(each, Binding.POWER)}</mrow>" for each in (of, by))
            return f"<mfrac>{''.join(sides)}</mfrac>"
        case formula.Series(sign, lower, upper, body):
            operator = f'<mo movablelimits="false">{sign}</mo>'
            ends = f"{operator}{_row(lower)}"
            tag = "munder" if upper is None else "munderover"
            top = "" if upper is None else _row(upper)
            return f"<{tag}>{ends}{top}</{tag}>{_within(body, Binding.PRODUCT)}"
        case formula.Matrix(rows):
            inside = "".join(f"<mtr>{''.join(map(_cell, row))}</mtr>" for row in rows)
            return _bracketed(f"<mtable>{inside}</mtable>")
        case formula.Group(inside):
            return _bracketed(_inside(inside))
        case formula.Chain():
            links = (f"{_sign(sign)}{_inside(each)}" for sign, each in written.links)
            return _inside(written.members[0]) + "".join(links)
        case _:
            raise AssertionError(written)


def _cell(written: Formula) -> str:
    return f"<mtd>{_inside(written)}</mtd>"


def _sign(sign: str) -> str:
    return f"<mo>{escape(sign)}</mo>"


def _bracketed(inside: str) -> str:
    return f"<mrow><mo>(</mo>{inside}<mo>)</mo></mrow>"


def _number(value: Fraction) -> str:
    sign = "<mo>−</mo>" if value < 0 else ""
    above = f"<mn>{abs(value.numerator):,}</mn>"
    if value.denominator == 1:
        return sign + above
    return f"{sign}<mfrac>{above}<mn>{value.denominator:,}</mn></mfrac>"


def _within(inside: Formula, least: Binding) -> str:
    return _inside(inside) if binding_of(inside) >= least else _bracketed(_inside(inside))


def _base(base: Formula) -> str:
    is_tall = isinstance(base, formula.Symbol) and bool(base.upper)
    inside = _inside(base)
    return inside if binding_of(base) is Binding.ATOM and not is_tall else _bracketed(inside)


def _sum(terms: tuple[Formula, ...]) -> str:
    result = _within(terms[0], Binding.SUM)
    for term in terms[1:]:
        match term:
            case formula.Negative(inside):
                result += f"<mo>−</mo>{_within(inside, Binding.PRODUCT)}"
            case formula.Number(value) if value < 0:
                result += f"<mo>+</mo>{_bracketed(_inside(term))}"
            case _:
                result += f"<mo>+</mo>{_within(term, Binding.PRODUCT)}"
    return result


def _call(name: str, arguments: tuple[Formula, ...]) -> str:
    inside = "<mo>,</mo>".join(map(_inside, arguments))
    if name in _FENCES:
        opening, closing = _FENCES[name]
        return f"<mrow><mo>{opening}</mo>{inside}<mo>{closing}</mo></mrow>"
    shown = escape(GREEK.get(name, name))
    return f"<mi>{shown}</mi><mo>&#x2061;</mo>{_bracketed(inside)}"


def _symbol(written: formula.Symbol) -> str:
    if written.name in HATS:
        accent = "¯" if written.name.endswith("bar") else "^"
        name = f'<mover accent="true"><mi>{written.name[0]}</mi><mo>{accent}</mo></mover>'
    else:
        name = f"<mi>{escape(GREEK.get(written.name, written.name))}</mi>"
    low = f"<mrow><mtext>{escape(','.join(written.index))}</mtext></mrow>"
    high = f"<mrow><mtext>{escape(written.upper)}</mtext></mrow>"
    if written.index and written.upper:
        return f"<msubsup>{name}{low}{high}</msubsup>"
    if written.index:
        return f"<msub>{name}{low}</msub>"
    return f"<msup>{name}{high}</msup>" if written.upper else name
