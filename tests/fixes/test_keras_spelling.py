import pytest

from defib.fixes.base import fix_called
from defib.fixes.keras_spelling import (
    spelled,
    trains_keras,
    with_activation,
    with_added_activation,
    with_initializer,
)
from defib.records.finding import Finding, Severity
from defib.records.run import LayerFact, RunRecord
from defib.records.site import Site

HIDDEN = Site("train.py", 4, 'layers.Dense(32, activation="sigmoid"),', "<module>")
OUTPUT = Site("train.py", 5, 'layers.Dense(1, activation="sigmoid"),', "<module>")
LAYERS = (
    LayerFact("hidden", "Dense", site=HIDDEN),
    LayerFact("out", "Dense", feeds_loss=True, site=OUTPUT),
)
KERAS = RunRecord("train.py", versions={"keras": "3.15.1"}, layers=LAYERS)
TORCH = RunRecord("train.py", layers=(LayerFact("hidden", "Linear"),))


def finding(rule: str = "vanishing-gradient", site: Site = HIDDEN) -> Finding:
    return Finding(rule, Severity.ERROR, "", (0, 9), layer="hidden", site=site)


def edited(fix: str, code: str, site: Site = HIDDEN) -> str | None:
    return fix_called(fix).edited(code, KERAS, finding(site=site))


def test_a_script_is_one_of_keras_where_its_layers_are():
    assert trains_keras(KERAS)
    assert not trains_keras(TORCH)
    # Keras may only have brought the data.
    assert not trains_keras(RunRecord("train.py", versions={"keras": "3"}, layers=TORCH.layers))


def test_a_change_is_spelled_as_the_script_is():
    assert (spelled(KERAS, "a", "b"), spelled(TORCH, "a", "b")) == ("b", "a")


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ('layers.Dense(32, activation="sigmoid"),', 'layers.Dense(32, activation="relu"),'),
        ("Dense(32, activation='tanh', name='a')", "Dense(32, activation=\"relu\", name='a')"),
        ("Dense(32, activation=keras.activations.tanh)", 'Dense(32, activation="relu")'),
        ('Dense(32, activation="softmax")', None),
        ('Dense(32, activation="sigmoid_like")', None),
        ('a, b = Dense(2, activation="tanh"), Dense(2, activation="tanh")', None),
    ],
)
def test_one_activation_is_replaced_where_it_is_certain(code: str, changed: str | None):
    assert with_activation(code, ("sigmoid", "tanh"), "relu") == changed


def test_an_activation_is_left_out_with_its_comma():
    assert with_activation('Dense(3, activation="softmax"),', ("softmax",), "") == "Dense(3),"
    code = 'Dense(3, activation="softmax", name="out")'
    assert with_activation(code, ("softmax",), "") == 'Dense(3, name="out")'
    code = 'Dense(activation="softmax", units=3)'
    assert with_activation(code, ("softmax",), "") == "Dense(units=3)"


def test_an_activation_is_added_to_the_one_layer_without():
    assert with_added_activation("Dense(3),", "relu") == 'Dense(3, activation="relu"),'
    code = "x = layers.Conv2D(8, 3, padding='same')(x)"
    added = "x = layers.Conv2D(8, 3, padding='same', activation=\"relu\")(x)"
    assert with_added_activation(code, "relu") == added
    assert with_added_activation('Dense(3, activation="tanh")', "relu") is None
    assert with_added_activation("Dense(3)(Dense(3)(x))", "relu") is None


def test_an_initializer_is_replaced():
    code = 'Dense(3, kernel_initializer="zeros", name="a")'
    changed = 'Dense(3, kernel_initializer="he_normal", name="a")'
    assert with_initializer(code, '"he_normal"') == changed
    code = "Dense(3, kernel_initializer=keras.initializers.RandomNormal(0.0, 5.0))"
    assert with_initializer(code, '"he_normal"') == 'Dense(3, kernel_initializer="he_normal")'
    assert with_initializer("Dense(3)", '"he_normal"') is None


@pytest.mark.parametrize(
    ("fix", "code", "changed"),
    [
        ("he-initialization", 'Dense(3, kernel_initializer="zeros")', '"he_normal"'),
        ("relu", HIDDEN.code, 'activation="relu"'),
        ("remove-softmax", 'layers.Dense(10, activation="softmax"),', "layers.Dense(10),"),
        ("sigmoid", 'Dense(1, activation="softmax")', 'activation="sigmoid"'),
        ("insert-nonlinearity", "layers.Dense(64),", 'activation="relu"'),
        ("remove-output-activation", 'Dense(1, activation="relu")', "Dense(1)"),
        ("average-loss", 'MeanSquaredError(reduction="sum")', '"sum_over_batch_size"'),
    ],
)
def test_a_fix_writes_into_a_line_of_keras(fix: str, code: str, changed: str):
    assert changed in (edited(fix, code) or "")


def test_the_output_keeps_its_activation():
    assert edited("relu", OUTPUT.code, OUTPUT) is None


def test_a_slope_that_keras_has_otherwise_is_not_written_by_name():
    # `activation="leaky_relu"` is one of 0.2, and 0.01 was tried.
    assert edited("leaky-relu", 'Dense(3, activation="relu")') is None


@pytest.mark.parametrize(
    ("fix", "text"),
    [
        ("he-initialization", 'kernel_initializer="he_normal"'),
        ("orthogonal-initialization", "keras.initializers.Orthogonal(gain=2**0.5)"),
        ("leaky-relu", "keras.layers.LeakyReLU(0.01)"),
        ("clip-gradients", "global_clipnorm=1"),
        ("adam", "keras.optimizers.Adam(learning_rate=0.001)"),
        ("class-weights", "class_weight="),
        ("early-stopping=50", "keras.callbacks.EarlyStopping"),
        ("replace-loss", "from_logits=True"),
        ("unfreeze", "model.trainable = True"),
    ],
)
def test_a_fix_says_what_to_write_in_keras(fix: str, text: str):
    assert text in fix_called(fix).change(KERAS, finding())
    assert text not in fix_called(fix).change(TORCH, finding())


def classifier(line: str) -> RunRecord:
    site = Site("train.py", 5, line, "<module>")
    layers = (LayerFact("out", "Dense", feeds_loss=True, site=site),)
    return RunRecord("train.py", versions={"keras": "3.15.1"}, layers=layers)


@pytest.mark.parametrize(
    ("output", "changed"),
    [
        ('Dense(3, activation="softmax")', 'compile("sgd", loss="categorical_crossentropy")'),
        ('Dense(3, activation="sigmoid")', 'compile("sgd", loss="binary_crossentropy")'),
        ("Dense(3)", None),
    ],
)
def test_a_squared_error_becomes_the_entropy_that_fits_the_output(output: str, changed: str | None):
    fix, told = fix_called("replace-loss"), finding("squared-error-of-classes")
    assert fix.edited('compile("sgd", loss="mse")', classifier(output), told) == changed
