import numpy as np

from defib.records.finding import NotEvaluated, Severity
from defib.rules.generalization.underfitting import Underfitting
from defib.testing import make_run

rule = Underfitting(min_loss=0.65, max_fall=0.03, max_gap=1.2, min_losses=100)
BASELINE = float(np.log(2))


def findings(level, *, gap=1.0, slope=0.0, steps=200, kind="cross-entropy"):
    """A loss that falls to `level` of a constant prediction's in a tenth of the run."""
    start = np.linspace(1.0, level, steps // 10)
    rest = level - slope * np.linspace(0.0, 1.0, steps - len(start))
    return rule.evaluate(
        make_run(
            loss=list(BASELINE * np.concatenate([start, rest])),
            loss_kind=kind,
            label_count={"0": [8] * 5, "1": [8] * 5},
            evaluation_loss={"a": [gap * level * BASELINE] * 5},
        )
    )


def test_reports_a_loss_that_rests_high():
    [finding] = findings(0.8)
    assert finding.severity is Severity.INFO
    assert "80%" in finding.message


def test_silent_at_exactly_the_limit():
    assert findings(0.65) == ()
    assert len(findings(0.66)) == 1


def test_silent_while_it_still_falls():
    assert findings(0.9, slope=0.15) == ()
    assert len(findings(0.9, slope=0.05)) == 1


def test_a_gap_is_overfitting():
    assert findings(0.8, gap=1.25) == ()


def test_a_loss_that_does_not_fall_is_another_finding():
    assert findings(0.99) == ()


def test_not_evaluated_under_a_hundred_losses():
    assert findings(0.8, steps=99) == NotEvaluated("underfitting", "fewer than 100 losses")


def test_not_evaluated_where_no_constant_is_known():
    assert findings(0.8, kind="unknown") == NotEvaluated(
        "underfitting", "the loss of a constant prediction is not known"
    )
