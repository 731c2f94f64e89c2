r"""Formulas for LaTeX: `\frac{\partial L}{\partial w_{2}} = 2 \cdot (\hat{y} - y) \cdot h_{2}`."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from defib.records import formula
from defib.records.formula import Formula
from defib.report.formula_text import GREEK, HATS, SHORT_CHAIN, Binding, binding_of, formula_text

_SIGNS: Mapping[str, str] = {
    "=": "=",
    "≠": r"\neq",
    "≈": r"\approx",
    "<": "<",
    ">": ">",
    "≤": r"\leq",
    "≥": r"\geq",
    "←": r"\leftarrow",
    "⇒": r"\Rightarrow",
    "⇔": r"\Leftrightarrow",
    "∈": r"\in",
    "∼": r"\sim",
    "→": r"\to",
}
_GREEK: Mapping[str, str] = {"infinity": r"\infty", "deta": r"d\eta"}
_FUNCTIONS: Mapping[str, str] = {
    "exp": r"\exp",
    "ln": r"\ln",
    "max": r"\max",
    "min": r"\min",
    "tanh": r"\tanh",
    "sigma": r"\sigma",
    "phi": r"\phi",
}
TERMS_OF_A_LINE = 6
"""Of a long sum."""
_FENCES: Mapping[str, tuple[str, str]] = {
    "floor": (r"\left\lfloor ", r" \right\rfloor"),
    "ceil": (r"\left\lceil ", r" \right\rceil"),
    "abs": (r"\left| ", r" \right|"),
}


def formula_latex(written: Formula) -> str:
    """The formula in LaTeX's mathematics, without dollar signs."""
    match written:
        case formula.Number(value):
            return _number(value)
        case formula.Rounded(value, digits):
            return _separated(f"{value:,.{digits}f}")
        case formula.Symbol():
            return _symbol(written)
        case formula.Words(text):
            return rf"\text{{{escaped(text)}}}"
        case formula.Sum(terms):
            return _sum(terms)
        case formula.Negative(inside):
            return f"-{_within(inside, Binding.PRODUCT)}"
        case formula.Product(factors):
            return r" \cdot ".join(_within(factor, Binding.PRODUCT) for factor in factors)
        case formula.Quotient(above, below):
            return rf"\frac{{{formula_latex(above)}}}{{{formula_latex(below)}}}"
        case formula.Power(base, exponent):
            return f"{_base(base)}^{{{formula_latex(exponent)}}}"
        case formula.Root(inside):
            return rf"\sqrt{{{formula_latex(inside)}}}"
        case formula.Call(name, arguments):
            return _call(name, arguments)
        case formula.Partial(of, by):
            above, below = (_within(each, Binding.POWER) for each in (of, by))
            return rf"\frac{{\partial {above}}}{{\partial {below}}}"
        case formula.Series(sign, lower, upper, body):
            ends = "" if upper is None else f"^{{{formula_latex(upper)}}}"
            name = r"\sum" if sign == "Σ" else r"\prod"
            return f"{name}_{{{formula_latex(lower)}}}{ends} {_within(body, Binding.PRODUCT)}"
        case formula.Matrix(rows):
            inside = r" \\ ".join(" & ".join(map(formula_latex, row)) for row in rows)
            return rf"\begin{{pmatrix}} {inside} \end{{pmatrix}}"
        case formula.Group(inside):
            return _bracketed(formula_latex(inside))
        case formula.Chain():
            first = formula_latex(written.members[0])
            return first + "".join(
                f" {_SIGNS[sign]} {formula_latex(each)}" for sign, each in written.links
            )
        case _:
            raise AssertionError(written)


def aligned_latex(written: Formula) -> str:
    """The formula with an alignment mark before each sign of a long chain, a line for each."""
    if not isinstance(written, formula.Chain):
        return f"& {formula_latex(written)}"
    lines = [f"{_SIGNS[sign]} {_in_lines(member)}" for sign, member in written.links]
    if len(formula_text(written)) <= SHORT_CHAIN:
        lines = [" ".join(lines)]
    return formula_latex(written.members[0]) + " &" + " \\\\\n&".join(lines)


def _in_lines(member: Formula) -> str:
    """A member of a chain; a long sum with a line break after every few terms."""
    if not isinstance(member, formula.Sum) or len(member.terms) <= TERMS_OF_A_LINE:
        return formula_latex(member)
    starts = range(0, len(member.terms), TERMS_OF_A_LINE)
    parts = [_sum(member.terms[start : start + TERMS_OF_A_LINE]) for start in starts]
    return "\\\\\n&\\quad + ".join(parts)


_SPECIAL: Mapping[str, str] = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\(<\)",
    ">": r"\(>\)",
    "−": r"\(-\)",
    "–": "--",
    "·": r"\(\cdot\)",
    "×": r"\(\times\)",
    "√": r"\(\sqrt{\,}\)",
    "∂": r"\(\partial\)",
    "Σ": r"\(\sum\)",
    "∏": r"\(\prod\)",
    "²": r"\(^2\)",
    "³": r"\(^3\)",
    "½": r"\(\frac12\)",
    "…": r"\dots{}",
    "'": "'",
    "∞": r"\(\infty\)",
    "±": r"\(\pm\)",
    "●": r"\(\bullet\)",
    "○": r"\(\circ\)",
    "ₙ": r"\(_n\)",
    **{low: rf"\(_{number}\)" for number, low in enumerate("₀₁₂₃₄₅₆₇₈₉")},
} | {sign: rf"\({name}\)" for sign, name in _SIGNS.items() if not sign.isascii()}
_LETTERS = {letter: rf"\(\{name}\)" for name, letter in GREEK.items() if name not in _GREEK}
_HATTED = {letter: rf"\(\{name[1:]}{{{name[0]}}}\)" for name, letter in HATS.items()}


def escaped(text: str) -> str:
    """Prose for LaTeX: its special characters, and the mathematical signs that prose has."""
    for hatted, latex in _HATTED.items():
        text = text.replace(hatted, f"\x00{latex}\x00")
    parts = text.split("\x00")
    table = {**_SPECIAL, **_LETTERS}
    return "".join(
        part if index % 2 else "".join(table.get(letter, letter) for letter in part)
        for index, part in enumerate(parts)
    )


def _number(value: Fraction) -> str:
    sign = "-" if value < 0 else ""
    above, below = _separated(f"{abs(value.numerator):,}"), _separated(f"{value.denominator:,}")
    return f"{sign}{above}" if value.denominator == 1 else rf"{sign}\frac{{{above}}}{{{below}}}"


def _separated(number: str) -> str:
    return number.replace(",", "{,}")


def _bracketed(inside: str) -> str:
    return rf"\left({inside}\right)"


def _within(inside: Formula, least: Binding) -> str:
    text = formula_latex(inside)
    return text if binding_of(inside) >= least else _bracketed(text)


def _base(base: Formula) -> str:
    is_tall = isinstance(base, formula.Symbol) and bool(base.upper)
    text = formula_latex(base)
    return text if binding_of(base) is Binding.ATOM and not is_tall else _bracketed(text)


def _sum(terms: tuple[Formula, ...]) -> str:
    result = _within(terms[0], Binding.SUM)
    for term in terms[1:]:
        match term:
            case formula.Negative(inside):
                result += f" - {_within(inside, Binding.PRODUCT)}"
            case formula.Number(value) if value < 0:
                result += f" + {_bracketed(formula_latex(term))}"
            case _:
                result += f" + {_within(term, Binding.PRODUCT)}"
    return result


def _call(name: str, arguments: tuple[Formula, ...]) -> str:
    inside = ", ".join(map(formula_latex, arguments))
    if name in _FENCES:
        opening, closing = _FENCES[name]
        return f"{opening}{inside}{closing}"
    return _FUNCTIONS.get(name, rf"\operatorname{{{escaped(name)}}}") + _bracketed(inside)


def _symbol(written: formula.Symbol) -> str:
    if written.name in HATS:
        name = rf"\{written.name[1:]}{{{written.name[0]}}}"
    elif written.name in GREEK:
        name = _GREEK.get(written.name, rf"\{written.name}")
    elif written.name.startswith("d") and len(written.name) == 2:
        name = written.name
    else:
        name = written.name if len(written.name) == 1 else rf"\mathrm{{{escaped(written.name)}}}"
    low = f"_{{{','.join(map(_index, written.index))}}}" if written.index else ""
    high = f"^{{{written.upper}}}" if written.upper else ""
    return f"{name}{low}{high}"


def _index(part: str) -> str:
    part = part.replace("−", "-").replace("·", r" \cdot ")
    return part if len(part) == 1 or part.isdigit() or not part.isalpha() else rf"\mathrm{{{part}}}"
