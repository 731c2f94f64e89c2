import numpy as np
import pytest

from defib.records.finding import NotEvaluated, Severity
from defib.records.run import LayerFact
from defib.rules.gradient.vanishing_gradient import VanishingGradient
from defib.testing import make_preflight, make_run

rule = VanishingGradient(min_ratio=1e-3, min_layers=3, patience=3)
LABELS = {"0": [50.0], "1": [50.0]}


def noise(seed, size, scale=0.02):
    return np.random.default_rng(seed).normal(0, scale, size)


def flat(seed=0):
    return list(0.693 + noise(seed, 100))


def decay(seed=0):
    return list(0.693 * np.exp(-np.arange(100) / 20) + np.abs(noise(seed, 100)))


def findings(first, loss=None, last=1.0, **facts):
    gradients = {"fc1.weight": first, "fc2.weight": [0.05] * 5, "fc3.weight": [last] * 5}
    return rule.evaluate(
        make_run(
            loss_kind="cross-entropy",
            facts=facts,
            loss=flat() if loss is None else loss,
            gradient_norm=gradients,
            label_count=LABELS,
        )
    )


def test_reports_first_layer_of_a_flat_run():
    [finding] = findings([2e-4] * 5)
    assert (finding.layer, finding.severity, finding.steps) == ("fc1", Severity.ERROR, (0, 99))


@pytest.mark.parametrize("seed", range(20))
def test_silent_while_the_loss_falls_well(seed):
    assert findings([1e-6] * 5, loss=decay(seed)) == ()


def test_warns_where_the_loss_fell_by_little():
    [finding] = findings([2e-4] * 5, loss=list(np.linspace(0.693, 0.55, 100) + noise(0, 100)))
    assert finding.severity is Severity.WARNING
    assert "fell by only" in finding.message


def test_silent_at_exactly_the_limit():
    assert findings([1e-3] * 5) == ()


def test_sizes_of_layers_do_not_count():
    # make_run gives every weight 64 entries; a larger norm of both changes nothing.
    assert findings([2e-4] * 5, last=0.2) == ()


def test_silent_when_the_ratio_recovers_at_the_end():
    assert findings([1e-6, 1e-6, 1e-6, 1e-6, 0.5]) == ()


def test_a_gradient_of_exactly_zero_is_another_fault():
    assert findings([0.0] * 5) == ()


def test_names_the_sigmoids_between():
    layers = tuple(
        LayerFact(f"fc{i + 1}", "Linear", i, activation="sigmoid" if i < 2 else "")
        for i in range(3)
    )
    [finding] = findings([2e-4] * 5, layers=layers)
    assert "2 sigmoid layers" in finding.message
    assert "at most 1/4" in finding.message


def test_not_evaluated_with_several_losses():
    run = make_run(loss={"G": flat(), "D": flat()}, gradient_norm={"fc1.weight": [1.0]})
    assert rule.evaluate(run) == NotEvaluated(
        "vanishing-gradient", "several losses: they need not fall"
    )


def test_not_evaluated_without_its_metrics():
    assert rule.evaluate(make_run()) == NotEvaluated(
        "vanishing-gradient", "not recorded: loss, gradient_norm"
    )


def before(first: float, last: float, end: float, fit: list[float] | None = None):
    names = ("a.weight", "a.bias", "b.weight", "b.bias", "c.weight", "c.bias")
    sizes = dict.fromkeys(names, last) | {"a.bias": first}
    known = make_preflight(gradient_norm=sizes)
    return VanishingGradient().evaluate_preflight(
        make_preflight(
            facts={"layers": known.facts.layers, "parameters": known.facts.parameters},
            gradient_rms=sizes,
            sequences={"fit_loss": {"own": fit or [1.0, *[end] * 199]}},
        )
    )


def test_before_the_first_step_the_gradients_of_biases_tell_what_arrives():
    [finding] = before(9e-4, 1.0, end=0.96)
    assert finding.layer == "a"


def test_before_the_first_step_silent_at_the_limit_and_where_the_batch_is_learnt():
    assert before(1e-3, 1.0, end=0.96) == ()
    assert before(1e-6, 1.0, end=0.95) == ()


def test_a_bias_that_a_normalization_cancels_tells_nothing():
    assert before(9e-6, 1.0, end=0.99) == ()


def test_before_the_first_step_silent_where_the_batch_would_be_learnt_in_more_steps():
    falling = list(np.linspace(1.0, 0.96, 60))
    assert before(9e-4, 1.0, end=0.96, fit=falling) == ()
    [finding] = before(9e-4, 1.0, end=0.96, fit=[1.0] * 10 + [0.96] * 50)
    assert finding.layer == "a"
