from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from subprocess import CompletedProcess
from textwrap import dedent
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from defib.integrations.keras import connect_keras
from defib.records.reading import read_run
from defib.records.run import LayerFact, LossFact, ParameterFact, RunEnding, RunRecord
from defib.records.series import Series
from defib.rules.loss.scores_taken_for_probabilities import ScoresTakenForProbabilities
from defib.rules.loss.softmax_before_cross_entropy import SoftmaxBeforeCrossEntropy
from tests.warm_python import WarmPython

pytestmark = pytest.mark.skipif(
    find_spec("keras") is None, reason="keras is not installed: pip install 'defib[keras]'"
)

ROOT = Path(__file__).parents[2]
TWICE = ("dense", "convolutional", "own_step", "recurrent", "adversarial")
SCORES = ("scores_alone", "scores_of_categories", "score_alone")
ONCE = ("accumulating", "half_precision", "softmax_twice", "softmax_once", "own_loss", *SCORES)
NAMES = [
    *(f"{training}-{optimizer}" for training in TWICE for optimizer in ("SGD", "Adam")),
    *(f"{training}-SGD" for training in ONCE),
    "attention-Adam",
    "overflowing-SGD",
]


SETTINGS = {"KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "error"}


@pytest.fixture(scope="module")
def warm_keras() -> Iterator[WarmPython]:
    """Processes of their own: the backend of Keras is chosen at its import."""
    with WarmPython("keras", **SETTINGS) as python:
        yield python


def output_of(done: CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def started(*command: str, folder: Path) -> CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=os.environ | SETTINGS,
        capture_output=True,
        text=True,
        check=False,
    )


@dataclass(frozen=True)
class Trainings:
    """What the trainings left: alone, watched, and watched by a watch that fails throughout."""

    directory: Path
    alone: Mapping[str, Any]
    watched: Mapping[str, Any]
    failing: Mapping[str, Any]

    def record(self, name: str) -> RunRecord:
        return read_run(self.directory / name)

    def history(self, name: str) -> Mapping[str, Any]:
        return self.watched[name]["history"]


@pytest.fixture(scope="module")
def trainings(warm_keras: WarmPython, tmp_path_factory: pytest.TempPathFactory) -> Trainings:
    directory, failing = tmp_path_factory.mktemp("records"), tmp_path_factory.mktemp("failing")
    module = "tests.integrations.keras_trainings"
    outputs = (
        output_of(warm_keras.run(module, *arguments, folder=ROOT))
        for arguments in ((), (str(directory),), (str(failing), "failing"))
    )
    return Trainings(directory, *map(json.loads, outputs))


def layer(run: RunRecord, name: str) -> LayerFact:
    found = run.layer(name)
    assert found is not None, [each.name for each in run.layers]
    return found


def parameter(run: RunRecord, name: str) -> ParameterFact:
    found = run.parameter(name)
    assert found is not None, [each.name for each in run.parameters]
    return found


def loss(run: RunRecord, optimizer: str) -> LossFact:
    found = run.loss_of(optimizer)
    assert found is not None
    return found


def code(fact: Any) -> str:
    assert fact.site is not None
    return fact.site.code


def only(run: RunRecord, metric: str) -> Series:
    [series] = run.of(metric).values()
    return series


# -- what is left as found -------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_training_is_left_as_found(name: str, trainings: Trainings):
    assert trainings.watched[name] == trainings.alone[name]


@pytest.mark.parametrize("name", ["dense", "own_step", "adversarial", "half_precision"])
def test_training_goes_on_when_the_watch_fails(name: str, trainings: Trainings):
    assert trainings.failing[f"{name}-SGD"] == trainings.alone[f"{name}-SGD"]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_inside_the_watch_fails(name: str, trainings: Trainings):
    run = trainings.record(name)
    assert (run.coverage.failures, run.ending) == (0, RunEnding.COMPLETED)
    assert [event for event in run.events if event.kind != "skipped-step"] == []


def test_keras_is_put_back_when_the_watch_ends(trainings: Trainings):
    assert trainings.watched["is put back"]


# -- losses and evaluations ------------------------------------------------------------------

# Several losses; steps left out, whose losses Keras counts; a loss that Keras is not told of.
WITHOUT_ONE = ("adversarial", "overflowing", "own_step")
WITH_ONE_LOSS = [name for name in NAMES if not name.startswith(WITHOUT_ONE)]


@pytest.mark.parametrize("name", WITH_ONE_LOSS)
def test_recorded_losses_are_those_that_keras_shows(name: str, trainings: Trainings):
    recorded, shown = only(trainings.record(name), "loss"), trainings.history(name)["loss"]
    # Keras shows the mean of each epoch over batches that are equal in size here.
    epochs = recorded.values.reshape(len(shown), -1).mean(axis=1)
    assert np.allclose(epochs, shown, rtol=1e-4)


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_evaluations_are_those_that_keras_shows(optimizer: str, trainings: Trainings):
    name = f"dense-{optimizer}"
    run, shown = trainings.record(name), trainings.history(name)
    validation, evaluated = run.of("evaluation_loss").values()
    assert np.allclose(validation.values, shown["val_loss"], rtol=1e-5)
    assert np.allclose(evaluated.values, shown["evaluated"][0], rtol=1e-5)
    validation, evaluated = run.of("evaluation_accuracy").values()
    assert np.allclose(validation.values, shown["val_accuracy"])
    assert np.allclose(evaluated.values, shown["evaluated"][1])


def test_evaluations_include_penalties_as_those_of_keras_do(trainings: Trainings):
    shown = trainings.history("convolutional-SGD")["val_loss"]
    recorded = only(trainings.record("convolutional-SGD"), "evaluation_loss")
    assert np.allclose(recorded.values, shown, rtol=1e-5)


KINDS = {
    "dense": "binary-cross-entropy",
    "convolutional": "cross-entropy",
    "own_step": "mean-squared-error",
    "recurrent": "huber",
    "adversarial": "binary-cross-entropy",
    "softmax_once": "cross-entropy",
    "softmax_twice": "cross-entropy",
    "own_loss": "unknown",
}


@pytest.mark.parametrize("name", KINDS)
def test_kind_of_loss_is_the_one_compiled(name: str, trainings: Trainings):
    assert loss(trainings.record(f"{name}-SGD"), "SGD").kind == KINDS[name]


def test_loss_by_name_is_found_at_compile_and_an_object_where_it_is_made(trainings: Trainings):
    by_name = loss(trainings.record("own_step-SGD"), "SGD")
    assert code(by_name) == 'model.compile(optimizer=optimizer, loss="mse")'
    made = loss(trainings.record("convolutional-SGD"), "SGD")
    assert code(made).startswith("loss = keras.losses.SparseCategoricalCrossentropy(")


def test_loss_in_a_loop_of_ones_own_is_found_where_it_is_called(trainings: Trainings):
    run = trainings.record("adversarial-SGD")
    assert code(loss(run, "SGD 2")) == "fooled = loss_function(torch.ones(16, 1), critic(fake))"


def test_softmax_before_a_loss_that_expects_logits_is_reported_at_its_layer(trainings: Trainings):
    [finding] = SoftmaxBeforeCrossEntropy().check(trainings.record("softmax_twice-SGD"))
    assert 'layers.Dense(3, activation="softmax")' in code(finding)


@pytest.mark.parametrize("name", ["softmax_once-SGD", "attention-Adam", "convolutional-Adam"])
def test_silent_about_a_softmax_that_the_loss_expects(name: str, trainings: Trainings):
    assert list(SoftmaxBeforeCrossEntropy().check(trainings.record(name))) == []


@pytest.mark.parametrize("name", SCORES)
def test_scores_where_the_loss_expects_probabilities_are_reported(name: str, trainings: Trainings):
    [finding] = ScoresTakenForProbabilities().check(trainings.record(f"{name}-SGD"))
    assert code(finding).startswith("model.compile(optimizer=optimizer, loss=")
    assert finding.fixes == ("replace-loss",)


@pytest.mark.parametrize("name", [each for each in NAMES if not each.startswith(SCORES)])
def test_silent_about_probabilities_and_about_losses_of_scores(name: str, trainings: Trainings):
    assert list(ScoresTakenForProbabilities().check(trainings.record(name))) == []


PROBABILITIES = ("dense-SGD", "dense-Adam", "attention-Adam", "softmax_once-SGD")


@pytest.mark.parametrize("name", PROBABILITIES)
def test_of_probabilities_none_lies_outside(name: str, trainings: Trainings):
    assert only(trainings.record(name), "prediction_share_outside").values.max() == 0


CLASSIFYING = ("convolutional-SGD", "attention-Adam", "softmax_once-SGD", "softmax_twice-SGD")


@pytest.mark.parametrize("name", CLASSIFYING)
def test_predictions_of_classes_are_log_probabilities(name: str, trainings: Trainings):
    run = trainings.record(name)
    assert set(run.of("label_count")) == {"0", "1", "2"}
    counted = sum(series.values for series in run.of("label_count").values())
    assert (counted > 0).all()
    # Three classes: a mean prediction costs about log(3) at the start.
    assert only(run, "label_mix_loss").first == pytest.approx(np.log(3), abs=0.8)
    assert ((only(run, "accuracy").values >= 0) & (only(run, "accuracy").values <= 1)).all()


# -- layers and parameters -------------------------------------------------------------------


def test_layers_have_the_names_sites_kinds_and_activations_of_the_script(trainings: Trainings):
    layers = trainings.record("dense-SGD").layers
    assert [(each.name, each.kind, each.activation) for each in layers] == [
        ("dense", "Dense", "relu"),
        ("hidden", "Dense", "tanh"),
        ("dense_1", "Dense", "sigmoid"),
    ]
    assert [code(each) for each in layers] == [
        'layers.Dense(10, activation="relu"),',
        'layers.Dense(7, activation="tanh", name="hidden"),',
        'layers.Dense(1, activation="sigmoid"),',
    ]


def test_only_the_first_layer_reads_the_input_and_only_the_last_feeds_the_loss(
    trainings: Trainings,
):
    # A penalty on the first kernel is no second use of its layer.
    layers = trainings.record("convolutional-SGD").layers
    assert [each.name for each in layers] == ["first", "batch_normalization", "dense"]
    assert [each.reads_input for each in layers] == [True, False, False]
    assert [each.feeds_loss for each in layers] == [False, False, True]


def test_shapes_have_units_first(trainings: Trainings):
    run = trainings.record("convolutional-SGD")
    assert parameter(run, "first.kernel").shape == (4, 2, 3, 3)
    assert parameter(run, "dense.kernel").shape == (3, 16)
    run = trainings.record("attention-Adam")
    assert parameter(run, "multi_head_attention.query.kernel").shape == (10, 6)
    assert parameter(run, "multi_head_attention.query.bias").shape == (10,)


def test_dead_filter_is_one_unit_although_channels_come_last(trainings: Trainings):
    dead = trainings.record("convolutional-SGD").of("dead_unit_fraction")["first"]
    assert dead.last == 1 / 4


def test_cell_of_a_recurrent_layer_goes_by_the_name_of_the_layer(trainings: Trainings):
    run = trainings.record("recurrent-SGD")
    assert layer(run, "lstm").kind == "LSTM"
    assert parameter(run, "lstm.recurrent_kernel").shape == (20, 5)
    assert layer(run, "bidirectional.backward_gru").kind == "GRU"


def test_gates_are_no_activations(trainings: Trainings):
    run = trainings.record("recurrent-SGD")
    assert [layer(run, name).activation for name in ("lstm", "bidirectional.forward_gru")] == [
        "tanh",
        "tanh",
    ]


def test_layer_whose_name_is_taken_goes_by_that_of_its_model_too(trainings: Trainings):
    run = trainings.record("adversarial-SGD")
    assert [each.name for each in run.layers] == ["dense", "out", "dense_1", "artist.out"]


def test_layer_belongs_to_the_optimizer_that_trains_it(trainings: Trainings):
    run = trainings.record("adversarial-Adam")
    assert [each.optimizer for each in run.layers] == ["Adam", "Adam", "Adam 2", "Adam 2"]
    assert {each.optimizer for each in run.parameters} == {"Adam", "Adam 2"}


def test_every_parameter_is_reached_and_belongs_to_the_optimizer(trainings: Trainings):
    for name in ("dense-SGD", "attention-Adam", "recurrent-Adam", "own_step-Adam"):
        parameters = trainings.record(name).parameters
        assert {(each.reached, each.optimizer) for each in parameters} == {
            (True, name.partition("-")[2])
        }


# -- optimisers ------------------------------------------------------------------------------


def test_optimizer_has_its_settings_and_site(trainings: Trainings):
    run = trainings.record("dense-Adam")
    [optimizer] = run.optimizers
    assert (optimizer.kind, code(optimizer)) == (
        "Adam",
        "models, history = training(make_optimizer(0.01))",
    )
    assert optimizer.hyperparameters["betas[1]"] == pytest.approx(0.999)
    assert only(run, "learning_rate").last == pytest.approx(0.01)


def test_steps_move_the_weights_as_far_as_the_learning_rate_says(trainings: Trainings):
    run = trainings.record("dense-SGD")
    moved = run.of("update_ratio")["hidden.kernel"].values
    gradient = run.of("gradient_norm")["hidden.kernel"].values
    norm = run.of("parameter_norm")["hidden.kernel"].values
    assert np.allclose(moved, 0.01 * gradient / norm, rtol=1e-3)


def test_accumulated_gradients_count_as_one_step(trainings: Trainings):
    run = trainings.record("accumulating-SGD")
    assert (run.steps, run.coverage.backward_calls) == (4, 12)
    assert (run.of("update_ratio")["dense.kernel"].values > 0).all()


def test_loss_scale_is_taken_out(trainings: Trainings):
    scaled = trainings.record("half_precision-SGD")
    assert only(scaled, "total_gradient_norm").last < 100


def test_skipped_step_of_a_loss_scale_is_an_event(trainings: Trainings):
    run = trainings.record("overflowing-SGD")
    assert {event.kind for event in run.events} == {"skipped-step"}
    assert run.steps + len(run.events) == 6


# -- defib run -------------------------------------------------------------------------------


SCRIPT = dedent(
    """
    import numpy as np
    import keras
    from keras.layers import Dense

    keras.utils.set_random_seed(0)
    x = np.random.normal(size=(64, 8)).astype("float32")
    y = (x[:, :1] > 0).astype("float32")
    model = keras.Sequential([
        Dense(100, activation="relu"),
        Dense(1, activation="sigmoid"),
    ])
    model.compile(optimizer=keras.optimizers.SGD(1e-7), loss="binary_crossentropy")
    history = model.fit(x, y, validation_data=(x, y), epochs=5, verbose=0)
    print([repr(each) for each in history.history["loss"]])
    """
)


def test_script_is_watched_unmodified(warm_keras: WarmPython, tmp_path: Path):
    (tmp_path / "train.py").write_text(SCRIPT)
    plain = warm_keras.run("train", folder=tmp_path)
    watched = started("-m", "defib", "run", "--out", "run", "train.py", folder=tmp_path)
    assert output_of(watched) == output_of(plain)
    run = read_run(tmp_path / "run")
    assert "keras" in run.versions
    assert [(each.name, each.site.line) for each in run.layers if each.site] == [
        ("dense", 10),
        ("dense_1", 11),
    ]
    assert run.of("dead_unit_fraction")["dense"].last < 1
    assert only(run, "learning_rate").last == pytest.approx(1e-7)
    assert list(run.of("evaluation_loss")) == ["train.py:14"]
    assert (run.coverage.failures, run.steps) == (0, 10)


def test_script_without_keras_does_not_import_it(tmp_path: Path):
    text = "import sys, torch\nprint('keras' in sys.modules)\n"
    (tmp_path / "train.py").write_text(text)
    done = started("-m", "defib", "run", "--out", "run", "train.py", folder=tmp_path)
    assert output_of(done) == "False\n"


def test_keras_on_another_backend_is_left_alone():
    keras = SimpleNamespace(backend=SimpleNamespace(backend=lambda: "jax"))
    # Nothing of the watch is touched either.
    connect_keras(cast("Any", None), keras)


COMPILED = """
import keras
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile(optimizer="sgd", loss="mse", jit_compile=True)
"""


def test_the_verdict_names_the_compilation_that_hides_the_training(
    warm_keras: WarmPython, tmp_path: Path
):
    (tmp_path / "train.py").write_text(COMPILED)
    done = warm_keras.run("defib", "run", "train.py", folder=tmp_path)
    assert "the whole step is compiled at train.py:4" in done.stderr
