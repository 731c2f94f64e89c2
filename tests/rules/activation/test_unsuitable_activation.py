import numpy as np
import pytest

from defib.records.finding import NotEvaluated
from defib.records.run import LayerFact, RunRecord
from defib.rules.activation.unsuitable_activation import UnsuitableActivation
from defib.testing import make_preflight, make_run

rule = UnsuitableActivation(min_signal=0.1, min_samples=5)


def run(signal: float, *, is_learning: bool = False, input_std: float = 1.0) -> RunRecord:
    noise = np.random.default_rng(0).normal(0, 0.005, 200)
    level = np.linspace(0.7, 0.1, 200) if is_learning else np.full(200, 0.69)
    return make_run(
        loss_kind="binary-cross-entropy",
        loss=list(level + noise),
        label_count={"0": [16.0] * 200, "1": [16.0] * 200},
        activation_batch_std={"fc1": [0.2] * 200, "fc2": [0.5 * signal] * 200},
        activation_mean={"fc1": [0.5] * 200, "fc2": [0.5] * 200},
        input_std={"fc1": [input_std] * 200},
        input_mean={"fc1": [0.01] * 200},
        facts={
            "layers": (
                LayerFact("fc1", "Linear", 0, "sigmoid", reads_input=True, optimizer="SGD"),
                LayerFact("fc2", "Linear", 1, "sigmoid", optimizer="SGD"),
                LayerFact("out", "Linear", 2, feeds_loss=True, optimizer="SGD"),
            )
        },
    )


def test_reports_the_layer_with_the_least_signal():
    [finding] = rule.evaluate(run(0.03))  # pyright: ignore[reportGeneralTypeIssues]
    assert finding.layer == "fc2"
    assert "sigmoid" in finding.message


@pytest.mark.parametrize("signal", [0.1, 0.5, 2.0])
def test_silent_from_the_limit_on(signal: float):
    assert rule.evaluate(run(signal)) == ()


def test_silent_in_a_training_that_succeeds():
    assert rule.evaluate(run(0.03, is_learning=True)) == ()


def test_silent_where_the_input_itself_is_nearly_constant():
    assert rule.evaluate(run(0.03, input_std=0.005)) == ()


def test_not_evaluated_without_its_metrics():
    assert isinstance(rule.evaluate(make_run()), NotEvaluated)


def before(signal: float, end: float, kind: str = "sigmoid"):
    layers = (LayerFact("fc1", "Linear", activation=kind), LayerFact("fc2", "Linear"))
    return UnsuitableActivation().evaluate_preflight(
        make_preflight(
            facts={"layers": layers},
            activation_batch_std={"fc1": signal},
            activation_mean={"fc1": 1.0},
            input_std={"fc1": 1.0},
            sequences={"fit_loss": {"own": [1.0, *[end] * 199]}},
        )
    )


def test_before_the_first_step_reported_where_the_batch_is_not_learnt():
    [finding] = before(0.09, end=0.96)
    assert (finding.layer, finding.steps) == ("fc1", (0, 0))


def test_before_the_first_step_silent_at_the_limit_where_it_learns_and_for_a_relu():
    assert before(0.1, end=0.96) == ()
    assert before(0.09, end=0.95) == ()
    assert before(0.09, end=0.96, kind="relu") == ()
