from dataclasses import replace

import numpy as np
import pytest

from defib.records.finding import NotEvaluated, Severity
from defib.records.run import Coverage, LayerFact, OptimizerFact, ParameterFact
from defib.records.site import Site
from defib.rules.gradient.parameter_without_gradient import ParameterWithoutGradient
from defib.testing import make_preflight, make_run

rule = ParameterWithoutGradient()
FLAT = list(0.7 + np.random.default_rng(0).normal(0, 0.01, 100))
DECAY = list(0.7 * np.exp(-np.arange(100) / 20))


def parameter(name, *, is_reached=True, **facts):
    layer = name.rpartition(".")[0]
    return replace(ParameterFact(name, layer, (4, 4), optimizer="SGD", reached=is_reached), **facts)


CUT = (
    parameter("fc1.weight", is_reached=False),
    parameter("fc2.weight", is_reached=False),
    parameter("fc3.weight"),
)
UNUSED = (parameter("fc1.weight"), parameter("aux.weight", is_reached=False), parameter("fc3.bias"))


def findings(parameters, loss=FLAT, **facts):
    return rule.evaluate(make_run(loss=loss, facts={"parameters": parameters} | facts))


def test_reports_a_cut_before_the_first_layer_that_is_reached():
    layers = (LayerFact("fc3", "Linear", 0, site=Site("train.py", 7)),)
    [finding] = findings(CUT, layers=layers)
    assert (finding.layer, finding.severity) == ("fc1", Severity.ERROR)
    assert finding.site == Site("train.py", 7)
    assert "`fc1.weight`, `fc2.weight` (limit 0 parameters)" in finding.message
    assert "all before `fc3`" in finding.message
    assert "between `fc2` and `fc3`" in finding.remedy


def test_reports_an_optimizer_none_of_whose_parameters_is_reached():
    [finding] = findings(CUT[:2])
    assert finding.severity is Severity.ERROR
    assert "between `fc2` and the loss" in finding.remedy


@pytest.mark.parametrize(
    ("parameters", "loss", "severity"),
    [
        (CUT, FLAT, Severity.ERROR),
        (CUT, DECAY, Severity.WARNING),
        (UNUSED, FLAT, Severity.WARNING),
        (UNUSED, DECAY, Severity.INFO),
    ],
)
def test_severity_depends_on_the_harm(parameters, loss, severity):
    [finding] = findings(parameters, loss)
    assert finding.severity is severity


def test_each_gap_is_a_finding_of_its_own():
    parts = findings((*CUT, parameter("aux.weight", is_reached=False)))
    assert [finding.layer for finding in parts] == ["fc1", "aux"]


def test_long_lists_are_cut_short():
    many = [parameter(f"fc{i}.weight", is_reached=False) for i in range(5)]
    [finding] = findings((*many, parameter("fc9.weight")))
    assert "`fc2.weight` and 2 more" in finding.message


def test_silent_when_all_are_reached():
    assert findings((parameter("fc1.weight"), parameter("fc2.weight"))) == ()


def test_silent_about_frozen_and_untrained_parameters():
    frozen = parameter("fc1.weight", is_reached=False, requires_grad=False)
    untrained = parameter("fc2.weight", is_reached=False, optimizer="")
    assert findings((frozen, untrained, parameter("fc3.weight"))) == ()


def test_not_evaluated_where_the_graph_is_hidden():
    coverage = Coverage(opaque=("CompiledFunctionBackward",))
    assert findings(CUT, coverage=coverage) == NotEvaluated(
        "parameter-without-gradient", "part of the graph is hidden: CompiledFunctionBackward"
    )


def test_not_evaluated_without_a_loss():
    assert findings(CUT, losses=()) == NotEvaluated(
        "parameter-without-gradient", "no loss was read"
    )


def test_before_the_first_step_an_optimizer_of_a_later_loss_is_left_alone():
    known = (OptimizerFact("SGD", "SGD"), OptimizerFact("Adam", "Adam"))
    later = parameter("generator.weight", is_reached=False, optimizer="Adam")
    facts = {"optimizers": known, "parameters": (*CUT, later)}
    [finding] = rule.evaluate_preflight(make_preflight(facts=facts))  # type: ignore[misc]
    assert finding.layer == "fc1"
