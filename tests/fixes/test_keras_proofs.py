"""Unmodified scripts with Keras, proved: the confirmed fix, and what to write."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_spec("keras") is None, reason="keras is not installed: pip install 'defib[keras]'"
    ),
]

DATA = """
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(0)
random = np.random.default_rng(0)
x = random.normal(size=(1024, 16)).astype("float32")
y = (x[:, 0] + x[:, 1] + 0.7 * random.normal(size=1024) > 0).astype("float32")
"""
FIT = """
model.fit(x, y, batch_size=32, epochs=8, verbose=0, validation_split=0.2)
"""
DEEP = """
class Network(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = [layers.Dense(32, activation="sigmoid") for _ in range(7)]
        self.out = layers.Dense(1, activation="sigmoid")

    def call(self, x):
        for layer in self.hidden:
            x = layer(x)
        return self.out(x)


model = Network()
model.compile(keras.optimizers.SGD(0.3), loss="binary_crossentropy", metrics=["accuracy"])
"""
ZERO = """
model = keras.Sequential([
    layers.Dense(32, activation="relu", kernel_initializer="zeros"),
    layers.Dense(32, activation="relu"),
    layers.Dense(1, activation="sigmoid"),
])
model.compile(keras.optimizers.Adam(0.01), loss="binary_crossentropy")
"""


@pytest.mark.parametrize(
    ("model", "fix", "line"),
    [
        (DEEP, "relu", 'layers.Dense(32, activation="relu") for _ in range(7)'),
        (ZERO, "he-initialization", 'activation="relu", kernel_initializer="he_normal"'),
    ],
    ids=["seven sigmoid layers", "weights of zero"],
)
def test_a_proof_names_the_line_as_keras_spells_it(model: str, fix: str, line: str, tmp_path: Path):
    (tmp_path / "train.py").write_text(DATA + model + FIT)
    done = subprocess.run(
        [sys.executable, "-m", "defib", "run", "--prove", "train.py"],
        cwd=tmp_path,
        env=os.environ | {"KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    told = done.stdout + done.stderr
    assert f"Proved by re-running: `{fix}` mends it" in told
    [added] = [each for each in told.splitlines() if each.strip().startswith("+") and line in each]
    assert added
