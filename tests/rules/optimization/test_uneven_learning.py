import numpy as np

from defib.records.finding import NotEvaluated, Severity
from defib.rules.optimization.uneven_learning import UnevenLearning
from defib.testing import make_run

rule = UnevenLearning(max_ratio=1000.0, min_gradient=1e-3, min_samples=5)
FLAT = list(0.7 + np.random.default_rng(0).normal(0, 0.01, 100))
SLOW = list(np.linspace(0.7, 0.55, 100))
DECAY = list(0.7 * np.exp(-np.arange(100) / 20))


def findings(slow, fast, *, gradient=1.0, loss=FLAT, samples=5):
    # Norms of 8 are above those of a usual initialisation: ratios count as they are.
    return rule.evaluate(
        make_run(
            loss=loss,
            update_ratio={"1.weight": [slow] * samples, "2.weight": [fast] * samples},
            parameter_norm={"1.weight": [8.0] * samples, "2.weight": [8.0] * samples},
            gradient_norm={"1.weight": [gradient] * samples, "2.weight": [1.0] * samples},
        )
    )


def test_reports_layers_of_very_different_speed():
    [finding] = findings(1e-7, 1e-3)
    assert (finding.severity, finding.layer) == (Severity.ERROR, "1")


def test_information_while_the_training_learns():
    [finding] = findings(1e-7, 1e-3, loss=DECAY)
    assert finding.severity is Severity.INFO


def test_silent_at_exactly_the_limit():
    assert findings(2.0**-20, 1000 * 2.0**-20) == ()
    assert len(findings(2.0**-20, 1001 * 2.0**-20)) == 1


def test_a_layer_whose_gradient_vanishes_is_another_finding():
    assert findings(1e-7, 1e-3, gradient=1e-4) == NotEvaluated(
        "uneven-learning", "fewer than two weights have recorded steps"
    )


def test_a_layer_that_does_not_move_at_all_is_another_finding():
    assert isinstance(findings(0.0, 1e-3), NotEvaluated)


def test_not_evaluated_under_five_recorded_steps():
    assert isinstance(findings(1e-7, 1e-3, samples=4), NotEvaluated)


def test_not_evaluated_without_its_metrics():
    assert rule.evaluate(make_run(loss=FLAT)) == NotEvaluated(
        "uneven-learning", "not recorded: update_ratio, parameter_norm, gradient_norm"
    )
