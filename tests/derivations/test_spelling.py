import pytest

from defib.derivations.algebra import sympy
from defib.derivations.spelling import computed, names_in, spelled, with_values
from defib.report.formula_text import formula_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("p - lr*g/(sqrt(v) + eps)", "p − η·g/(√v + ε)"),
        ("(a + b)*c - d*(e - f)", "(a + b)·c − d·(e − f)"),
        ("a - (b - c)", "a − (b − c)"),
        ("a/(b/c)", "a/(b/c)"),
        ("(a + 1)**2 + b**(n - 1)", "(a + 1)² + b^(n − 1)"),
        ("beta1**t*-x", "β₁^t·(−x)"),
    ],
)
def test_it_is_written_as_it_is_spelled(text: str, shown: str):
    assert formula_text(spelled(text)) == shown


@pytest.mark.parametrize("text", ["a - (b - c)", "a/(b/c)", "-a**2 + b*c/a", "sqrt(a*a)*max(b, c)"])
def test_it_is_computed_as_python_computes_it(text: str):
    values = {"a": 7, "b": 3, "c": -2}
    expected = eval(text, {"sqrt": lambda x: x**0.5, "max": max}, dict(values))
    exact = computed(spelled(text), {name: sympy.Integer(n) for name, n in values.items()})
    assert float(exact) == pytest.approx(expected)


def test_numbers_can_be_put_in_without_working_them_out():
    formula = with_values(spelled("rho*v + (1 - rho)*g**2"), {"rho": sympy.Rational(9, 10), "v": 0})
    assert formula_text(formula) == "9/10·0 + (1 − 9/10)·g²"


def test_names_of_functions_are_no_names_of_values():
    assert names_in("lr*sqrt(v)/max(a, 1)") == {"lr", "v", "a"}
