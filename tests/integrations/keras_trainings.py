"""Small trainings with Keras on torch, run in a process of their own.

    python -m tests.integrations.keras_trainings                     (alone)
    python -m tests.integrations.keras_trainings DIRECTORY           (watched: a record for each)
    python -m tests.integrations.keras_trainings DIRECTORY failing   (by a watch that fails)

Prints, as JSON, a hash of what each training leaves and what Keras itself says of it.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import torch
from keras import layers

from defib.integrations.keras import connect_keras
from defib.integrations.keras_layers import LayerNames
from defib.integrations.keras_losses import LossEvents
from defib.integrations.keras_steps import OptimizerEvents
from defib.monitor.watching import Watching, WatchOptions

random = np.random.default_rng(0)
ROWS = random.normal(size=(48, 6)).astype("float32")
SIGNS = (ROWS[:, :1] > 0).astype("float32")
CLASSES = random.integers(0, 3, 48)
IMAGES = random.normal(size=(24, 6, 6, 2)).astype("float32")
TOKENS = random.integers(1, 9, size=(24, 4))

History = dict[str, Any]


def dense(optimizer: Any) -> tuple[list[Any], History]:
    model = keras.Sequential(
        [
            layers.Dense(10, activation="relu"),
            layers.Dense(7, activation="tanh", name="hidden"),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(
        optimizer=optimizer,
        loss="binary_crossentropy",
        metrics=["accuracy", keras.metrics.BinaryCrossentropy()],
    )
    validation = (ROWS[:20], SIGNS[:20])
    history = model.fit(
        ROWS, SIGNS, validation_data=validation, batch_size=16, epochs=3, verbose=0
    ).history
    history["evaluated"] = model.evaluate(ROWS, SIGNS, batch_size=20, verbose=0)[:2]
    return [model], history


def first_filter_dead(shape: Any, dtype: Any) -> torch.Tensor:
    bias = torch.zeros(shape)
    bias[0] = -50
    return bias.to(getattr(torch, dtype))


def convolutional(optimizer: Any) -> tuple[list[Any], History]:
    images = layers.Input((6, 6, 2))
    maps = layers.Conv2D(
        4,
        3,
        activation="relu",
        name="first",
        kernel_regularizer="l2",
        bias_initializer=first_filter_dead,
    )(images)
    maps = layers.Dropout(0.25)(layers.MaxPooling2D()(layers.BatchNormalization()(maps)))
    model = keras.Model(images, layers.Dense(3)(layers.Flatten()(maps)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=optimizer, loss=loss)
    history = model.fit(IMAGES, CLASSES[:24], validation_split=0.5, epochs=6, verbose=0).history
    return [model], history


class OwnStep(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(5, activation="relu")
        self.out = layers.Dense(1)

    def call(self, x: Any) -> Any:
        return self.out(self.hidden(x))

    def train_step(self, data: Any) -> History:
        x, y = data
        self.zero_grad()
        loss = self.compute_loss(y=y, y_pred=self(x, training=True))
        loss.backward()
        weights = self.trainable_weights
        with torch.no_grad():
            self.optimizer.apply([weight.value.grad for weight in weights], weights)
        return {"loss": loss}


def own_step(optimizer: Any) -> tuple[list[Any], History]:
    model = OwnStep()
    model.compile(optimizer=optimizer, loss="mse")
    return [model], model.fit(ROWS, ROWS[:, :1], batch_size=16, epochs=2, verbose=0).history


def recurrent(optimizer: Any) -> tuple[list[Any], History]:
    model = keras.Sequential(
        [
            layers.Embedding(9, 4),
            layers.LSTM(5, return_sequences=True),
            layers.Bidirectional(layers.GRU(3)),
            layers.Dense(1),
        ]
    )
    model.compile(optimizer=optimizer, loss=keras.losses.Huber())
    return [model], model.fit(TOKENS, ROWS[:24, :1], epochs=2, verbose=0).history


def attention(optimizer: Any) -> tuple[list[Any], History]:
    inputs = layers.Input((4, 6))
    attended = layers.MultiHeadAttention(2, 5)(inputs, inputs)
    normalized = layers.LayerNormalization()(layers.Add()([attended, inputs]))
    outputs = layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling1D()(normalized))
    model = keras.Model(inputs, outputs)
    model.compile(optimizer=optimizer, loss="categorical_crossentropy")
    sequences, targets = ROWS.reshape(12, 4, 6), np.eye(3)[CLASSES[:12]]
    return [model], model.fit(sequences, targets, epochs=2, verbose=0).history


def adversarial(optimizer: Any) -> tuple[list[Any], History]:
    critic = keras.Sequential(
        [layers.Input((6,)), layers.Dense(8, activation="relu"), layers.Dense(1, name="out")]
    )
    artist = keras.Sequential(
        [layers.Input((3,)), layers.Dense(8, activation="relu"), layers.Dense(6, name="out")],
        name="artist",
    )
    critic_optimizer, artist_optimizer = optimizer, type(optimizer)(0.02)
    loss_function = keras.losses.BinaryCrossentropy(from_logits=True)
    for _ in range(8):
        fake = artist(torch.randn(16, 3))
        scores = torch.cat([critic(torch.tensor(ROWS[:16])), critic(fake.detach())])
        critic.zero_grad()
        loss = loss_function(torch.cat([torch.ones(16, 1), torch.zeros(16, 1)]), scores)
        loss.backward()
        weights = critic.trainable_weights
        with torch.no_grad():
            critic_optimizer.apply([weight.value.grad for weight in weights], weights)
        artist.zero_grad()
        fooled = loss_function(torch.ones(16, 1), critic(fake))
        fooled.backward()
        weights = artist.trainable_weights
        with torch.no_grad():
            artist_optimizer.apply([weight.value.grad for weight in weights], weights)
    return [critic, artist], {}


def accumulating(optimizer: Any) -> tuple[list[Any], History]:
    optimizer = type(optimizer)(0.01, gradient_accumulation_steps=3)
    model = keras.Sequential([layers.Dense(4, activation="relu"), layers.Dense(1)])
    model.compile(optimizer=optimizer, loss="mse")
    history = model.fit(ROWS, ROWS[:, :1], batch_size=8, epochs=2, verbose=0).history
    return [model], history


def half_precision(optimizer: Any, scale: float = 1024.0) -> tuple[list[Any], History]:
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = keras.Sequential([layers.Dense(4, activation="relu"), layers.Dense(1)])
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=scale)
        model.compile(optimizer=optimizer, loss="mse")
        history = model.fit(ROWS, ROWS[:, :1], batch_size=16, epochs=2, verbose=0).history
        return [model], history
    finally:
        keras.mixed_precision.set_global_policy("float32")


def overflowing(optimizer: Any) -> tuple[list[Any], History]:
    return half_precision(optimizer, scale=2.0**18)


def softmax_twice(optimizer: Any) -> tuple[list[Any], History]:
    model = keras.Sequential([layers.Dense(3, activation="softmax")])
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=optimizer, loss=loss)
    targets = np.eye(3)[CLASSES]
    return [model], model.fit(ROWS, targets, batch_size=16, epochs=2, verbose=0).history


def softmax_once(optimizer: Any) -> tuple[list[Any], History]:
    model = keras.Sequential([layers.Dense(3), layers.Softmax()])
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy")
    return [model], model.fit(ROWS, CLASSES, batch_size=16, epochs=2, verbose=0).history


def scores_alone(optimizer: Any) -> tuple[list[Any], History]:
    model = keras.Sequential([layers.Dense(3)])
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy")
    return [model], model.fit(ROWS, CLASSES, batch_size=16, epochs=2, verbose=0).history


def scores_of_categories(optimizer: Any) -> tuple[list[Any], History]:
    model = keras.Sequential([layers.Dense(3)])
    model.compile(optimizer=optimizer, loss="categorical_crossentropy")
    targets = np.eye(3)[CLASSES]
    return [model], model.fit(ROWS, targets, batch_size=16, epochs=2, verbose=0).history


def score_alone(optimizer: Any) -> tuple[list[Any], History]:
    model = keras.Sequential([layers.Dense(1)])
    model.compile(optimizer=optimizer, loss="binary_crossentropy")
    return [model], model.fit(ROWS, SIGNS, batch_size=16, epochs=2, verbose=0).history


def own_loss(optimizer: Any) -> tuple[list[Any], History]:
    def quartic(y_true: Any, y_pred: Any) -> Any:
        return keras.ops.mean((y_true - y_pred) ** 4, axis=-1)

    model = keras.Sequential([layers.BatchNormalization(), layers.Dense(1)])
    model.compile(optimizer=optimizer, loss=quartic)
    return [model], model.fit(ROWS, ROWS[:, :1], batch_size=16, epochs=1, verbose=0).history


SGD, ADAM = keras.optimizers.SGD, keras.optimizers.Adam
Training = Callable[[Any], tuple[list[Any], History]]
TRAININGS: dict[Training, tuple[Any, ...]] = {
    dense: (SGD, ADAM),
    convolutional: (SGD, ADAM),
    own_step: (SGD, ADAM),
    recurrent: (SGD, ADAM),
    attention: (ADAM,),
    adversarial: (SGD, ADAM),
    accumulating: (SGD,),
    half_precision: (SGD,),
    overflowing: (SGD,),
    softmax_twice: (SGD,),
    softmax_once: (SGD,),
    scores_alone: (SGD,),
    scores_of_categories: (SGD,),
    score_alone: (SGD,),
    own_loss: (SGD,),
}
"""With which optimisers each runs."""
FEW = (dense, own_step, adversarial, half_precision)
"""Enough to call all that a watch adds to Keras."""


def left_by(models: list[Any]) -> str:
    """Hash of weights, of the optimiser's state and of the random state."""
    digest = hashlib.sha256()
    for model in models:
        optimizer = getattr(model, "optimizer", None)
        for variable in (*model.variables, *(optimizer.variables if optimizer else ())):
            digest.update(variable.value.detach().numpy().tobytes())
    digest.update(torch.get_rng_state().numpy().tobytes())
    digest.update(np.random.get_state()[1].tobytes())  # pyright: ignore[reportArgumentType]
    return digest.hexdigest()


def attributes() -> list[Any]:
    """What a watch replaces."""
    kinds = (keras.losses.Loss, keras.optimizers.Optimizer, keras.Model, keras.SymbolicScope)
    names = ("__init__", "__call__", "__enter__", "apply", "build", "compile", "compute_loss")
    return [getattr(kind, name, None) for kind in kinds for name in names]


def fail(*_arguments: Any) -> Any:
    raise RuntimeError("injected")


def let_all_reports_fail() -> None:
    for kind in (LossEvents, OptimizerEvents, LayerNames):
        for name in list(vars(kind)):
            if name.startswith(("_take", "name_parameters")):
                setattr(kind, name, fail)


def main(directory: Path | None, *, is_failing: bool = False) -> None:
    torch.set_num_threads(1)
    if is_failing:
        let_all_reports_fail()
    before, results = attributes(), {}
    chosen = dict.fromkeys(FEW, (SGD,)) if is_failing else TRAININGS
    for training, optimizers in chosen.items():
        for make_optimizer in optimizers:
            name = f"{training.__name__}-{make_optimizer.__name__}"
            # Names of layers, too, start anew.
            keras.utils.clear_session()
            keras.utils.set_random_seed(0)
            watching = None
            if directory is not None:
                options = WatchOptions(budget=10.0, is_strict=not is_failing)
                watching = Watching(directory / name, options=options)
                connect_keras(watching, keras)
            models, history = training(make_optimizer(0.01))
            if watching is not None:
                watching.finish()
            results[name] = {"left": left_by(models), "history": history}
    results["is put back"] = attributes() == before
    print(json.dumps(results, default=float))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None, is_failing="failing" in sys.argv)
