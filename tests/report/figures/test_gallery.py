import re
import subprocess
import sys
from dataclasses import replace
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from defib.records.finding import Diagnosis, Finding, Severity, Status
from defib.records.run import RunRecord
from defib.records.series import Series
from defib.report.figures.gallery import (
    figure_kinds,
    finding_picture,
    learning_rate_picture,
    loss_picture,
)
from defib.rules.base import all_rules
from defib.testing import LAYER_METRICS, PARAMETER_METRICS, make_run

ONE_PER_OPTIMIZER = (
    "loss",
    "learning_rate",
    "total_gradient_norm",
    "carried_gradient_ratio",
    "prediction_batch_std",
    "prediction_std",
    "target_std",
)
ONE_PER_INPUT = ("input_mean", "input_std", "input_minimum", "input_maximum", "input_scale_ratio")


def finding(rule, *, steps=(3, 9), layer="", **evidence):
    return Finding(rule, Severity.ERROR, "message", steps, layer=layer, evidence=evidence)


def run_with(values_of, layers):
    """A record in which `values_of()` gives each of the many series."""
    metrics = {metric: {name: values_of() for name in layers} for metric in LAYER_METRICS}
    metrics |= {
        metric: {f"{name}.weight": values_of() for name in layers} for metric in PARAMETER_METRICS
    }
    metrics |= {metric: {"SGD": values_of(), "Adam": values_of()} for metric in ONE_PER_OPTIMIZER}
    metrics |= {metric: {layers[0]: values_of()} for metric in ONE_PER_INPUT}
    metrics["label_count"] = {str(label): values_of() for label in range(14)}
    metrics["evaluation_loss"] = {"a.py:1 < a.py:9": values_of(), "a.py:2 < a.py:9": values_of()}
    return make_run(**metrics)


def words_of(picture):
    return "".join(ElementTree.fromstring(picture.svg).itertext())


def test_figures_are_found():
    assert {"loss", "dead_units", "label_mix", "update_ratio"} <= set(figure_kinds())


def test_rules_of_the_figures_exist():
    known = {rule.name() for rule in all_rules()}
    named = {rule for kind in figure_kinds().values() for rule in kind.rules}
    assert named <= known


def test_no_two_figures_claim_the_same_rule():
    named = [rule for kind in figure_kinds().values() for rule in kind.rules]
    assert len(named) == len(set(named))


@pytest.mark.parametrize(
    ("run", "title"),
    [
        ("dying-units", "ReLU units that output zero for every input, by layer"),
        ("low-learning-rate", "Change of each weight per step, relative to its size"),
        ("ordered-labels", "Classes in each sampled batch; at the right, the mix of all of them"),
        ("overfitting", "Evaluation loss against training loss, and the gap between them"),
        ("vanishing-gradient", "Gradient of each layer's weight, from the input to the loss"),
    ],
)
def test_each_fault_has_its_picture(samples, run, title):
    sample = samples[run]()
    picture = finding_picture(sample.record, sample.diagnosis.causes[0].finding)
    assert picture.title == title


def test_picture_of_the_dead_layers_names_layer_unit_and_onset(dying_run):
    picture = finding_picture(dying_run.record, dying_run.diagnosis.causes[0].finding)
    words = words_of(picture)
    assert "dead units [%]" in words
    assert "fc2" in words
    assert "dead-relu, step 120" in words
    assert picture.description == "At the end: fc2 97%, fc3 71%, fc1 18%."


def test_many_layers_become_a_map(deep_run):
    about = finding("saturated-activation", layer="blocks.40.linear")
    picture = finding_picture(deep_run.record, about)
    assert "data:image/png;base64," in picture.svg
    assert "blocks.40.linear" in words_of(picture)


def test_rule_without_figure_shows_what_its_evidence_names():
    run = make_run(unit_spread={"fc1.weight": [0.0, 0.0, 0.0]})
    picture = finding_picture(run, finding("somebody-elses-rule", unit_spread_at_end=0.0))
    assert picture.title == "Unit spread"


def test_rule_without_figure_and_evidence_has_no_picture():
    assert finding_picture(make_run(loss=[1.0, 2.0]), finding("somebody-elses-rule")) is None


def test_finding_whose_metric_was_not_recorded_has_no_picture():
    assert finding_picture(RunRecord(), finding("dead-relu", dead_unit_fraction=1.0)) is None


def test_gradient_of_exactly_zero_is_marked():
    run = make_run(gradient_norm={"a.weight": [1.0, 0.0], "b.weight": [1.0, 1.0]})
    assert "exactly 0 (last)" in words_of(finding_picture(run, finding("vanishing-gradient")))


def test_lost_loss_is_shaded(non_finite_run):
    picture = loss_picture(non_finite_run.record, non_finite_run.diagnosis)
    assert "NaN or infinite" in words_of(picture)
    assert "At 141 of 400 steps it is NaN or infinite." in picture.description


def test_loss_that_spans_decades_is_logarithmic(non_finite_run):
    picture = loss_picture(non_finite_run.record, non_finite_run.diagnosis)
    assert "10⁶" in words_of(picture)


def test_healthy_loss_has_no_onset(healthy_run):
    assert ", step " not in words_of(loss_picture(healthy_run.record, healthy_run.diagnosis))


def test_no_loss_no_picture():
    assert loss_picture(RunRecord(), Diagnosis(Status.NOT_TRAINED, "")) is None


def test_constant_learning_rate_has_no_picture(dying_run, healthy_run):
    assert learning_rate_picture(dying_run.record) is None
    assert learning_rate_picture(healthy_run.record) is not None


def long_run():
    random = np.random.default_rng(0)
    loss = 2 + np.exp(-np.arange(100_000) / 20_000) + 0.2 * random.standard_normal(100_000)
    loss[70_000] = 40.0
    return make_run(loss=Series.of(loss))


def test_long_losses_are_small_pictures():
    run = long_run()
    picture = loss_picture(run, Diagnosis(Status.HEALTHY, ""))
    assert len(picture.svg.encode()) < 150_000


def test_networks_of_many_layers_are_small_pictures(deep_run):
    for rule in ("vanishing-gradient", "saturated-activation", "learning-rate-too-low"):
        picture = finding_picture(deep_run.record, finding(rule))
        assert len(picture.svg.encode()) < 150_000


def test_same_record_gives_the_same_bytes(sample):
    once, again = (loss_picture(sample.record, sample.diagnosis).svg for _ in range(2))
    assert once == again


def test_settings_of_the_user_neither_matter_nor_change(dying_run):
    plain = loss_picture(dying_run.record, dying_run.diagnosis).svg
    with matplotlib.rc_context({"lines.linewidth": 9, "font.size": 30, "axes.grid": False}):
        before = dict(matplotlib.rcParams)
        assert loss_picture(dying_run.record, dying_run.diagnosis).svg == plain
        assert dict(matplotlib.rcParams) == before


def test_pyplot_is_never_imported():
    code = "import sys, defib.report.figures.gallery; print('matplotlib.pyplot' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_hostile_layer_names_are_text_in_every_figure(payloads):
    random = np.random.default_rng(0)
    for start in range(0, len(payloads), 20):
        names = list(dict.fromkeys(payloads[start : start + 20]))
        run = run_with(lambda: Series.of(random.random(40)), names)
        for kind in figure_kinds().values():
            about = finding(kind.rules[0] if kind.rules else "x", layer=names[0])
            about = replace(about, evidence={kind.metrics[0]: 1.0})
            root = ElementTree.fromstring(finding_picture(run, about).svg)
            assert {each.tag for each in root.iter()} <= {
                *("svg", "g", "defs", "path", "use", "text", "tspan", "clipPath", "rect", "image")
            }
            attributes = {name for each in root.iter() for name in each.attrib}
            assert not any(name.startswith("on") for name in attributes)


awkward = st.sampled_from(
    [float("nan"), float("inf"), -float("inf"), 0.0, 1e308, -1e308, 5e-324, 1.0, -1.0, 1e-5, 1e5]
)


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_values_break_a_figure(data):
    lists = st.lists(awkward, max_size=6)
    run = run_with(lambda: data.draw(lists), ["a", "b"])
    for kind in figure_kinds().values():
        about = finding(kind.rules[0] if kind.rules else "x", layer="b")
        picture = finding_picture(run, replace(about, evidence={kind.metrics[0]: 1.0}))
        if picture is not None:
            assert not re.search(r'd="[^"]*(nan|inf)', picture.svg)
    loss_picture(run, Diagnosis(Status.HEALTHY, ""))
