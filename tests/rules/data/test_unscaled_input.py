import numpy as np
import pytest

from defib.records.finding import NotEvaluated, Severity
from defib.records.run import LayerFact, LoaderFact, ParameterFact
from defib.records.site import Site
from defib.rules.data.unscaled_input import UnscaledInput
from defib.testing import DEFAULT_OPTIMIZER, make_preflight, make_run

rule = UnscaledInput()
FLAT = [1.0] * 60
FALLING = list(np.linspace(1.0, 0.1, 60))
NAN = [1.0, 50.0, float("nan"), float("nan"), float("nan")]


def evaluate(
    scale: float,
    *,
    ratio: float = 1.0,
    mean: float = 0.0,
    kind: str = "Linear",
    losses: list[float] = FLAT,
    **facts,
):
    layers = (LayerFact("fc1", kind, reads_input=True, optimizer=DEFAULT_OPTIMIZER),)
    return rule.evaluate(
        make_run(
            facts={"layers": layers} | facts,
            loss=losses,
            input_largest_scale={"fc1": [scale] * 5},
            input_largest_feature={"fc1": [3.0] * 5},
            input_scale_ratio={"fc1": [ratio] * 5},
            input_mean={"fc1": [mean] * 5},
            input_std={"fc1": [1.0] * 5},
        )
    )


@pytest.mark.parametrize(
    ("scale", "others", "fact"),
    [
        (255.0, {}, "feature 3 has a root mean square of 255"),
        (0.001, {}, "only 0.001"),
        (8.0, {"mean": -8.0}, "8 times the standard deviation"),
        (4.0, {"ratio": 500.0}, "varies 500 times as much"),
    ],
)
def test_reports_an_unscaled_input(scale: float, others: dict[str, float], fact: str):
    [finding] = evaluate(scale, **others)
    assert fact in finding.message
    assert finding.layer == "fc1"


@pytest.mark.parametrize(
    ("scale", "others"),
    [(10.0, {}), (0.01, {}), (5.1, {"mean": 5.0}), (4.0, {"ratio": 100.0}), (3.0, {"ratio": 1e4})],
)
def test_silent_at_exactly_the_limit(scale: float, others: dict[str, float]):
    assert evaluate(scale, **others) == ()


def test_silent_on_a_standardised_input():
    assert evaluate(1.2, ratio=3.0) == ()


def test_silent_on_zeros():
    assert evaluate(0.0) == ()


def test_silent_while_the_loss_falls():
    assert evaluate(255.0, losses=FALLING) == ()


def test_silent_where_the_first_layer_normalises():
    assert evaluate(255.0, kind="BatchNorm1d") == ()


@pytest.mark.parametrize("losses", [FLAT, NAN])
def test_is_an_error(losses: list[float]):
    [finding] = evaluate(255.0, losses=losses)
    assert finding.severity is Severity.ERROR


def test_names_the_loader_of_the_training():
    site = Site("train.py", 3)
    [finding] = evaluate(255.0, loaders=(LoaderFact("DataLoader", shuffle=True, site=site),))
    assert finding.site == site


def test_not_evaluated_without_its_metric():
    assert rule.evaluate(make_run()) == NotEvaluated(
        "unscaled-input", "not recorded: input_largest_scale"
    )


def at_first_batch(scale: float, *, loss: float = 1.0, fit: float = 0.1):
    record = make_preflight(
        input_largest_scale={"fc1": scale},
        initial_loss={"cross_entropy": loss},
        constant_prediction_loss={"cross_entropy": 1.0},
        sequences={"fit_loss": {"own": [1.0, *[fit] * 99]}},
    )
    return rule.evaluate_preflight(record)


def test_before_training_the_severity_follows_the_harm():
    outcomes = [
        at_first_batch(100.0),
        at_first_batch(100.0, loss=3.0),
        at_first_batch(100.0, fit=1.0),
    ]
    found = [finding.severity for outcome in outcomes for finding in outcome]  # type: ignore[union-attr]
    assert found == [Severity.INFO, Severity.WARNING, Severity.ERROR]


def test_silent_before_training_at_exactly_the_limit():
    assert at_first_batch(10.0, fit=1.0) == ()


@pytest.mark.parametrize(
    ("place", "is_trained", "count"), [(0, False, 0), (0, True, 1), (1, False, 1)]
)
def test_silent_of_what_frozen_layers_before_have_made(place: int, is_trained: bool, count: int):
    parameters = [ParameterFact("fc1.weight", "fc1")]
    parameters.insert(
        place, ParameterFact("other.weight", "other", requires_grad=is_trained, reached=False)
    )
    assert len(evaluate(255.0, parameters=tuple(parameters))) == count


def test_check_is_silent_of_what_frozen_layers_before_have_made():
    frozen = ParameterFact("body.weight", "body", requires_grad=False, reached=False)
    record = make_preflight(
        facts={"parameters": (frozen, ParameterFact("fc1.weight", "fc1"))},
        input_largest_scale={"fc1": 255.0},
    )
    assert rule.evaluate_preflight(record) == ()
