"""Scripts that train by `fit` of Keras 3, checked as a user does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(find_spec("keras") is None, reason="keras is not installed")

SCRIPT = """
import numpy as np
import keras
from keras import layers

keras.utils.set_random_seed(0)
inputs = np.random.default_rng(0).normal(size=(256, 10)).astype("float32")
targets = inputs[:, :3].argmax(1)
model = keras.Sequential([
    layers.Dense(16, activation="relu"), layers.Dense(3, activation=ACTIVATION)
])
model.compile(optimizer=OPTIMIZER, loss="sparse_categorical_crossentropy")
model.fit(inputs, targets, epochs=1, batch_size=32, verbose=0)
open("trained", "w")
"""


DROPPING = """
import numpy as np
import keras
from keras import layers

keras.utils.set_random_seed(0)
inputs = np.random.default_rng(0).normal(size=(256, 10)).astype("float32")
targets = inputs[:, :3].argmax(1)

class Forced(layers.Layer):
    def call(self, features):
        return keras.random.dropout(features, 0.2)

given = keras.Input((10,))
features = layers.Dropout(0.1)(layers.Dense(16, activation="relu")(given))
features = SECOND(layers.Dense(16, activation="relu")(features))
model = keras.Model(given, layers.Dense(3, activation="softmax")(features))
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(inputs, targets, epochs=1, batch_size=32, verbose=0)
open("trained", "w")
"""

OWN_STEP = """
import numpy as np
import torch
import keras
from keras import layers

keras.utils.set_random_seed(0)
inputs = np.random.default_rng(0).normal(size=(256, 10)).astype("float32")
targets = inputs[:, :3].argmax(1)

class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = keras.Sequential([layers.Dense(16, activation="relu")])
        self.head = layers.Dense(3)
        if HAS_MORE:
            self.more = self.add_weight(shape=(5,), name="more")

    def call(self, features):
        return self.head(self.hidden(features))

    def train_step(self, data):
        features, classes = data
        self.zero_grad()
        loss = self.compute_loss(x=features, y=classes, y_pred=self(features, training=True))
        loss.backward()
        gradients = [each.value.grad for each in self.trainable_weights]
        with torch.no_grad():
            self.optimizer.apply(gradients, self.trainable_weights)
        return {}

model = Own()
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.fit(inputs, targets, epochs=1, batch_size=32, verbose=0)
open("trained", "w")
"""


def check(folder: Path, *, optimizer: str, activation: str = "'softmax'") -> dict[str, Any]:
    return checked(folder, SCRIPT.replace("OPTIMIZER", optimizer).replace("ACTIVATION", activation))


def checked(folder: Path, text: str) -> dict[str, Any]:
    (folder / "train.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "defib", "check", "--json", "train.py"],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert not (folder / "trained").exists(), done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_a_healthy_fit_is_tried_on_copies_with_the_same_optimizer(tmp_path: Path):
    content = check(tmp_path, optimizer="keras.optimizers.Adam(1e-2)")
    assert content["findings"] == []
    tried = {"learning-rate-too-high", "vanishing-gradient", "results-kept-with-graph"}
    assert tried <= set(content["passed"])


@pytest.mark.slow
def test_a_rate_that_is_too_high_is_found(tmp_path: Path):
    content = check(tmp_path, optimizer="keras.optimizers.SGD(30.0)")
    assert content["findings"][0]["rule"] == "learning-rate-too-high"


@pytest.mark.slow
def test_logits_where_keras_expects_probabilities_are_found(tmp_path: Path):
    content = check(tmp_path, optimizer="'adam'", activation="None")
    assert content["findings"][0]["rule"] == "scores-taken-for-probabilities"


@pytest.mark.slow
def test_a_dropout_that_keras_tells_to_train_is_off_in_evaluation(tmp_path: Path):
    content = checked(tmp_path, DROPPING.replace("SECOND", "layers.Dropout(0.2)"))
    assert {"dropout-in-evaluation", "samples-mixed-in-batch"} <= set(content["passed"])


@pytest.mark.slow
def test_a_dropout_that_does_not_ask_whether_keras_trains_is_found(tmp_path: Path):
    content = checked(tmp_path, DROPPING.replace("SECOND", "Forced()"))
    [finding] = [each for each in content["findings"] if each["rule"] == "dropout-in-evaluation"]
    assert finding["evidence"] == {"dropouts": 1}
    assert "probability of 0.2" in finding["message"]


@pytest.mark.slow
def test_variables_of_a_model_that_cannot_be_copied_are_seen_to_be_read(tmp_path: Path):
    content = checked(tmp_path, OWN_STEP.replace("HAS_MORE", "False"))
    assert {"unused-parameter", "uncalled-module"} <= set(content["passed"])


@pytest.mark.slow
def test_a_variable_that_no_operation_reads_is_found(tmp_path: Path):
    content = checked(tmp_path, OWN_STEP.replace("HAS_MORE", "True"))
    [finding] = [each for each in content["findings"] if each["rule"] == "unused-parameter"]
    assert finding["evidence"] == {"parameters": 5}
