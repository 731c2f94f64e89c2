"""One formula in three notations."""

import pytest

from defib.derivations.spelling import spelled
from defib.derivations.writing import (
    call,
    chain,
    equation,
    partial,
    plus,
    series,
    symbol,
    times,
    words,
    written,
)
from defib.records.formula import Formula, Negative, Number, Power, Product, Sum, Symbol
from defib.report.formula_latex import aligned_latex, escaped, formula_latex
from defib.report.formula_mathml import chain_rows, formula_mathml
from defib.report.formula_text import chain_lines, formula_text

SUM = plus(*(times(n, "w") for n in range(1, 30)))


@pytest.mark.parametrize(
    ("formula", "text", "latex"),
    [
        (partial("L", "w_2"), "∂L/∂w₂", r"\frac{\partial L}{\partial w_{2}}"),
        (symbol("yhat"), "ŷ", r"\hat{y}"),
        (symbol("xbar"), "x̄", r"\bar{x}"),
        (symbol("h^(1)_3"), "h⁽¹⁾₃", "h_{3}^{(1)}"),
        (call("floor", spelled("a/b")), "floor(a/b)", r"\left\lfloor \frac{a}{b} \right\rfloor"),
        (written(1234567), "1,234,567", "1{,}234{,}567"),
        (spelled("-(a + b)"), "−(a + b)", r"-\left(a + b\right)"),
        (spelled("(a*b)**2"), "(a·b)²", r"\left(a \cdot b\right)^{2}"),
        (Power(symbol("h^(1)_3"), written(2)), "(h⁽¹⁾₃)²", r"\left(h_{3}^{(1)}\right)^{2}"),
        (series("Σ", "i", "n", "w_i"), "Σ[i…n] wᵢ", r"\sum_{i}^{n} w_{i}"),
        (chain("a", "≤", 2), "a ≤ 2", r"a \leq 2"),
        (words("50 % of w_1"), "50 % of w_1", r"\text{50 \% of w\_1}"),
    ],
)
def test_text_and_latex(formula: Formula, text: str, latex: str):
    assert formula_text(formula) == text
    assert formula_latex(formula) == latex


def test_every_notation_brackets_a_sum_within_a_product():
    formula = Product((Symbol("a"), Sum((Symbol("b"), Negative(Number(written(2).value))))))  # type: ignore[attr-defined]
    assert formula_text(formula) == "a·(b − 2)"
    assert formula_latex(formula) == r"a \cdot \left(b - 2\right)"
    assert "<mo>(</mo>" in formula_mathml(formula)


def test_a_long_chain_is_broken_before_its_signs():
    lines = chain_lines(equation("left", SUM, 435), 60)
    assert max(map(len, lines)) <= 60
    assert lines[-1].strip() == "= 435"
    joined = " ".join(line.strip() for line in lines)
    assert joined == formula_text(equation("left", SUM, 435))


def test_a_long_sum_is_broken_in_latex_too():
    assert aligned_latex(equation("left", SUM)).count("\\\\") == 4


def test_names_of_the_user_are_escaped_in_mathml():
    page = formula_mathml(words("<script>"))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_short_chain_is_one_row_and_a_long_one_a_row_for_each_sign():
    assert len(chain_rows(equation("a", "b", "c"))) == 1
    rows = chain_rows(equation("a", SUM, "c"))
    assert len(rows) == 2
    assert "<mi>a</mi>" in rows[0][0]
    assert rows[1][0] == ""


def test_prose_for_latex_has_its_special_characters_escaped():
    assert escaped("50 % of σ_1 & ŷ ≤ 2") == r"50 \% of \(\sigma\)\_1 \& \(\hat{y}\) \(\leq\) 2"
