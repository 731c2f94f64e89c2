"""Edits of one argument, only where they are certain."""

from __future__ import annotations

import pytest

from defib.fixes.literals import with_argument, with_name


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("Adam(p, lr=0.1)", "Adam(p, lr=0.003)"),
        ("Adam(p, lr = 1e-1, eps=1)", "Adam(p, lr = 0.003, eps=1)"),
        ("Adam(learning_rate=.1)", "Adam(learning_rate=0.003)"),
    ],
)
def test_a_literal_is_replaced(code: str, expected: str):
    assert with_argument(code, ("lr", "learning_rate"), 0.1, "0.003") == expected


@pytest.mark.parametrize(
    "code",
    [
        "Adam(p, lr=options.lr)",  # not a literal
        "Adam(p, lr=0.2)",  # another value than was used
        "Adam(p, 0.1)",  # not by name
        "Adam([{'lr': 1}], lr=0.1) if x else Adam(p, lr=0.1)",  # twice
        "Adam(p, lr=0.1e)",  # no number
    ],
)
def test_what_is_not_certain_is_left_alone(code: str):
    assert with_argument(code, ("lr",), 0.1, "0.003") is None


def test_a_name_is_replaced_where_it_stands_once():
    assert with_name("x = nn.ReLU()", "ReLU", "LeakyReLU") == "x = nn.LeakyReLU()"
    assert with_name("nn.ReLU(), nn.ReLU()", "ReLU", "LeakyReLU") is None
    assert with_name("nn.ReLU6()", "ReLU", "LeakyReLU") is None
