import pytest

from defib.derivations.tanh_sigmoid import TanhSigmoid
from defib.errors import UsageError
from defib.report.formula_text import formula_text


def test_the_identity_and_the_slopes_are_derived():
    steps = TanhSigmoid().derive().steps
    lines = [formula_text(each) for step in steps for each in step.formulas]
    assert any(line.endswith("2·σ(2·z) − 1") for line in lines)
    assert "left side minus right side = 0" in lines
    assert {"slope of σ at 0 = 1/4", "slope of tanh at 0 = 1"} <= set(lines)
    assert {"slope of σ → 0", "slope of tanh → 0"} <= set(lines)


def test_values_are_worked_out_where_asked():
    [table] = [step.table for step in TanhSigmoid(at="0,1").derive().steps if step.table]
    assert [formula_text(cell) for cell in table.rows[0]] == [  # type: ignore[arg-type]
        "0",
        "0.500000",
        "0.000000",
        "0.250000",
        "1.000000",
    ]


def test_what_is_no_number_is_refused():
    with pytest.raises(UsageError, match="for --at"):
        TanhSigmoid(at="far").derive()
