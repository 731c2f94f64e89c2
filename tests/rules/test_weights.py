import numpy as np
import pytest

from defib.records.run import LayerFact, ParameterFact
from defib.records.series import Series
from defib.rules.weights import (
    WeightStep,
    aligned,
    largest_steps,
    relative_steps,
    rms_gradients,
    trained_weights,
    unseen_step,
)
from defib.testing import make_run

PARAMETERS = (
    ParameterFact("head.weight", "head", (4, 16), optimizer="SGD"),
    ParameterFact("body.weight", "body", (16, 9), optimizer="SGD"),
    ParameterFact("body.bias", "body", (16,), optimizer="SGD"),
    ParameterFact("words.weight", "words", (100, 9), optimizer="SGD"),
    ParameterFact("other.weight", "other", (9, 9), optimizer="Adam"),
    ParameterFact("frozen.weight", "frozen", (9, 9), requires_grad=False, optimizer="SGD"),
)
LAYERS = (
    LayerFact("words", "Embedding", 0),
    LayerFact("body", "Linear", 1),
    LayerFact("head", "Linear", 2),
)


def run(**metrics):
    return make_run(facts={"parameters": PARAMETERS, "layers": LAYERS}, **metrics)


def steps_of(ratio, norm):
    [(_, series)] = relative_steps(
        run(update_ratio={"head.weight": [ratio]}, parameter_norm={"head.weight": [norm]}), "SGD"
    )
    return series.values.tolist()


def test_trained_weights_come_in_forward_order_without_biases_and_embeddings():
    names = [weight.name for weight in trained_weights(run(), "SGD")]
    assert names == ["body.weight", "head.weight"]


def test_gradient_norm_is_divided_by_the_root_of_the_size():
    [(weight, series)] = rms_gradients(run(gradient_norm={"body.weight": [24.0]}), "SGD")
    assert weight.name == "body.weight"
    assert series.values.tolist() == pytest.approx([2.0])


def test_relative_step_is_the_update_ratio_of_a_weight_of_normal_size():
    assert steps_of(0.2, norm=1.0) == [0.2]


def test_relative_step_of_a_tiny_weight_is_measured_against_a_normal_one():
    assert steps_of(20.0, norm=0.001) == pytest.approx([0.02])


def test_relative_step_of_a_zero_weight_is_left_out():
    assert steps_of(np.inf, norm=0.0) == []


def test_aligned_keeps_the_common_steps():
    first, second = aligned(Series.of([1, 2, 3], [0, 5, 9]), Series.of([4, 5], [5, 7]))
    assert (first.steps.tolist(), first.values.tolist(), second.values.tolist()) == ([5], [2], [4])


def test_largest_steps_names_the_weight_that_moved_the_most():
    ratios = {"body.weight": [0.1, 0.2], "head.weight": [0.3, 0.1]}
    norms = {"body.weight": [9.0, 9.0], "head.weight": [9.0, 9.0]}
    assert largest_steps(run(update_ratio=ratios, parameter_norm=norms), "SGD") == (
        WeightStep(0, 0.3, "head.weight"),
        WeightStep(1, 0.2, "body.weight"),
    )


def unseen(norm_after, ratio=0.01):
    """A weight of norm 2 at step 10, seen again at step 20; usual steps allow for 0.4."""
    ratios = {"head.weight": Series.of([ratio, ratio], [0, 10])}
    norms = {"head.weight": Series.of([2.0, 2.0, norm_after], [0, 10, 20])}
    return unseen_step(run(update_ratio=ratios, parameter_norm=norms), "SGD", 15)


def test_a_norm_that_usual_steps_cannot_reach_shows_an_unseen_step():
    assert unseen(2.5) == WeightStep(19, 0.25, "head.weight")


def test_a_norm_that_usual_steps_can_reach_shows_none():
    assert unseen(2.3) is None


def test_a_norm_can_shrink_by_an_unseen_step_too():
    assert unseen(1.0) == WeightStep(19, 0.5, "head.weight")
