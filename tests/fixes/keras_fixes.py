"""Small trainings with Keras on torch, with and without a fix, run in a process of their own.

    python -m tests.fixes.keras_fixes

Prints, as JSON, what tests ask: for most fixes, how far the weights that a training with the fix
comes to are from those of the script that has it written in.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import torch
from keras import layers
from torch.nn.modules.module import register_module_forward_hook

from defib.fixes.base import fix_called
from defib.fixes.live_training import LiveTraining
from defib.integrations.keras_loss_call import call_of

random = np.random.default_rng(0)
ROWS = random.normal(size=(48, 6)).astype("float32")
CLASSES = (random.random(48) < 0.2).astype("int64") + (ROWS[:, 0] > 1)
CODES = np.eye(3, dtype="float32")[CLASSES]
SIGNS = (ROWS[:, :1] > 0).astype("float32")
VALUES = ROWS[:, 1:2] * 3 + 20
IMAGES = random.normal(size=(12, 6, 6, 2)).astype("float32")

Make = Callable[[], Any]
Facts = dict[str, Any]


class Subclassed(keras.Model):
    """Layers in a list, which torch does not see."""

    def __init__(self, *parts: Any) -> None:
        super().__init__()
        self.parts = list(parts)

    def call(self, x: Any, training: bool | None = None) -> Any:
        for part in self.parts:
            x = part(x, training=training) if isinstance(part, layers.Dropout) else part(x)
        return x


def functional(*parts: Any) -> Any:
    inputs = x = keras.Input((6,))
    for part in parts:
        x = part(x)
    return keras.Model(inputs, x)


def sequential(*parts: Any) -> Any:
    return keras.Sequential(list(parts))


STYLES = {"sequential": sequential, "functional": functional, "subclassed": Subclassed}


def in_own_loop(model: Any, targets: Any, steps: int, optimizer: Any = None) -> Any:
    """The optimiser of torch, unless one is given."""
    model.build((None, 6))
    own = optimizer or torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(steps):
        model.zero_grad()
        predictions = model(torch.tensor(ROWS))
        ((predictions - torch.tensor(targets)) ** 2).mean().backward()
        if isinstance(own, torch.optim.Optimizer):
            own.step()
            continue
        weights = model.trainable_weights
        with torch.no_grad():
            own.apply([each.value.grad for each in weights], weights)
    return model


def fitted(model: Any, targets: Any, loss: Any = "mse", optimizer: Any = None, **options: Any):
    model.compile(optimizer=optimizer or keras.optimizers.SGD(0.1), loss=loss)
    settings = {"epochs": 1, "batch_size": 16, "shuffle": False, "verbose": 0} | options
    model.fit(ROWS, targets, **settings)
    return model


def with_fix(fix: str, make: Make, steps: int | None = None) -> tuple[Any, LiveTraining]:
    """What `make` gives while `fix` is in force, from the same random state each time."""
    keras.utils.set_random_seed(0)
    training = LiveTraining(steps)
    if fix:
        fix_called(fix).connect(training)
        training.connect()
        training.connect_keras(keras)
    try:
        return make(), training
    finally:
        training.disconnect()
        assert not training.failures, training.failures


def distance(one: Any, other: Any) -> float:
    """Largest difference between the weights of two models."""
    pairs = zip(one.weights, other.weights, strict=True)
    return max(float((a.value - b.value).detach().abs().max()) for a, b in pairs)


def compared(fix: str, broken: Make, mended: Make) -> dict[str, float]:
    with_it, training = with_fix(fix, broken)
    written, without = (with_fix("", make)[0] for make in (mended, broken))
    return {
        "from mended": distance(with_it, written),
        "from broken": distance(with_it, without),
        "times": sum(training.activity.values()),
    }


def of_optimizers() -> Facts:
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 4, 0.5)
    lower = keras.optimizers.schedules.ExponentialDecay(0.01, 4, 0.5)

    def made(kind: str, **settings: Any) -> Make:
        def make() -> Any:
            model = sequential(layers.Dense(5, activation="tanh"), layers.Dense(1))
            return in_own_loop(model, SIGNS, 3, getattr(keras.optimizers, kind)(**settings))

        return make

    sgd = made("SGD", learning_rate=0.1)
    adam = made("Adam", learning_rate=0.1)
    decayed = made("AdamW", learning_rate=0.1, weight_decay=0.5)
    pairs = {
        "lower-learning-rate=0.1": (sgd, made("SGD", learning_rate=0.01)),
        "raise-learning-rate=10": (sgd, made("SGD", learning_rate=1.0)),
        "lower-learning-rate=0.1 of a schedule": (
            made("SGD", learning_rate=schedule),
            made("SGD", learning_rate=lower),
        ),
        "momentum": (sgd, made("SGD", learning_rate=0.1, momentum=0.9)),
        "default-momentum": (
            made("Adam", learning_rate=0.1, beta_1=0.1, beta_2=0.3),
            made("Adam", learning_rate=0.1),
        ),
        "default-epsilon": (
            made("Adam", learning_rate=0.1, epsilon=10.0),
            made("Adam", learning_rate=0.1, epsilon=1e-8),
        ),
        "lower-weight-decay=0": (decayed, made("AdamW", learning_rate=0.1, weight_decay=0.0)),
        "clip-gradients=0.01": (sgd, made("SGD", learning_rate=0.1, global_clipnorm=0.01)),
        "raise-clipping-limit=0.5": (
            made("SGD", learning_rate=0.1, global_clipnorm=0.001),
            made("SGD", learning_rate=0.1, global_clipnorm=0.5),
        ),
        "adam=0.1": (sgd, adam),
        "learning-rate-by-range-test=0.01": (sgd, made("SGD", learning_rate=0.01)),
    }
    facts: Facts = {name: compared(name.split()[0], *pair) for name, pair in pairs.items()}
    untouched = (adam, decayed, made("RMSprop", learning_rate=schedule), made("Lion"))
    facts["unchanged"] = [
        compared("raise-clipping-limit", each, each)["from mended"] for each in untouched
    ]
    return facts


def of_layers(style: Callable[..., Any]) -> Facts:
    def made(*parts: Any, targets: Any = SIGNS, **options: Any) -> Make:
        return lambda: fitted(style(*(part() for part in parts)), targets, **options)

    def dense(units: int = 6, activation: Any = None, **settings: Any) -> Make:
        return lambda: layers.Dense(units, activation=activation, **settings)

    def dropped(rate: float) -> Make:
        return made(dense(), lambda: layers.Dropout(rate), dense(1))

    def momentum(value: float) -> Make:
        return made(dense(), lambda: layers.BatchNormalization(momentum=value), dense(1))

    def frozen() -> Any:
        layer = layers.Dense(5, activation="tanh")
        layer.trainable = False
        return layer

    sigmoids = made(dense(5, "sigmoid"), dense(5, "tanh"), dense(1, "sigmoid"))
    relus = made(dense(5, "relu"), dense(5, "relu"), dense(1, "sigmoid"))
    facts: Facts = {"relu": compared("relu", sigmoids, relus)}

    def recurrent(activation: str) -> Make:
        sequence = [lambda: layers.Reshape((3, 2)), lambda: layers.LSTM(4)]
        return made(*sequence, dense(5, activation), dense(1))

    if style is not Subclassed:
        return facts  # What follows finds layers in the same way.
    return facts | {
        "relu behind a recurrent layer": compared("relu", recurrent("tanh"), recurrent("relu")),
        "gelu": compared(
            "gelu", made(dense(5, "relu"), dense(1)), made(dense(5, _exact_gelu), dense(1))
        ),
        "insert-nonlinearity": compared(
            "insert-nonlinearity",
            made(dense(5, "tanh"), dense(5), dense(5), dense(1)),
            made(dense(5, "tanh"), dense(5, "relu"), dense(5, "relu"), dense(1)),
        ),
        "remove-output-activation": compared(
            "remove-output-activation",
            made(dense(5, "tanh"), dense(1, "sigmoid"), targets=VALUES),
            made(dense(5, "tanh"), dense(1), targets=VALUES),
        ),
        "lower-dropout=0.2": compared("lower-dropout=0.2", dropped(0.6), dropped(0.2)),
        "batch-normalization-momentum": compared(
            "batch-normalization-momentum", momentum(0.9999), momentum(0.99)
        ),
        "unfreeze": compared("unfreeze", made(frozen, dense(1)), made(dense(5, "tanh"), dense(1))),
        "revive-dead-units=2": compared(
            "revive-dead-units=2",
            made(dense(5, "relu", bias_initializer=lambda *_, **__: -9 * torch.ones(5)), dense(1)),
            made(dense(5, "relu"), dense(1)),
        ),
    }


def _exact_gelu(x: Any) -> Any:
    return keras.ops.gelu(x, approximate=False)


def residual() -> Facts:
    def by_hand() -> Any:
        inputs = keras.Input((6,))
        hidden = layers.Dense(6, activation="tanh")(inputs) + inputs
        return fitted(keras.Model(inputs, layers.Dense(1)(hidden)), SIGNS)

    def plain() -> Any:
        return fitted(functional(layers.Dense(6, activation="tanh"), layers.Dense(1)), SIGNS)

    return compared("residual-connection", plain, by_hand)


def of_weights() -> Facts:
    def convolutional() -> Any:
        model = sequential(
            layers.Conv2D(64, 3, kernel_initializer="zeros", bias_initializer="ones"),
            layers.Conv2DTranspose(64, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(32),
        )
        seen.clear()
        model.compile(optimizer=keras.optimizers.SGD(0.0), loss="mse")
        model.fit(IMAGES, np.zeros((12, 32)), epochs=1, verbose=0)
        return model

    seen: list[float] = []
    facts: Facts = {"half precision": in_half_precision()}
    for fix in ("he", "glorot", "lecun", "orthogonal", "asymmetric", "unit-variance"):
        model, _ = with_fix(f"{fix}-initialization", convolutional)
        kernels = [each.value.detach() for each in model.weights if each.name == "kernel"]
        dense = kernels[-1].double()
        facts[fix] = {
            "deviations": [float(kernel.std()) for kernel in kernels],
            "biases": [float(each.value.detach().abs().max()) for each in model.weights][1::2],
            "orthogonal": float((dense.T @ dense - 2 * torch.eye(32)).abs().max()),
            "output": float(model(IMAGES).detach().std()),
        }
    return facts


def in_half_precision() -> float:
    def make() -> Any:
        model = sequential(layers.Dense(64, kernel_initializer="zeros"), layers.Dense(1))
        return fitted(model, SIGNS, optimizer=keras.optimizers.SGD(0.0))

    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model, _ = with_fix("orthogonal-initialization", make)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    return float(model.layers[0].kernel.value.detach().std())


def of_losses() -> Facts:
    def made(units: int, activation: str | None, targets: Any, loss: Any, **options: Any) -> Make:
        def make() -> Any:
            model = functional(layers.Dense(5), layers.Dense(units, activation=activation))
            # Losses by class: each training makes its own.
            return fitted(model, targets, loss() if callable(loss) else loss, **options)

        return make

    sparse, binary = keras.losses.SparseCategoricalCrossentropy, keras.losses.BinaryCrossentropy
    whole = {"batch_size": 48, "epochs": 1}
    counts = np.bincount(CLASSES)
    weights = {number: 48 / (3 * count) for number, count in enumerate(counts)}
    rare = (ROWS[:, :1] > 1).astype("float32")
    halves = {0: 0.5 / (1 - rare.mean()), 1: 0.5 / rare.mean()}
    scaled = (VALUES - VALUES.mean()) / VALUES.std(ddof=1)
    pairs = {
        "remove-softmax": (
            made(3, "softmax", CLASSES, lambda: sparse(from_logits=True)),
            made(3, None, CLASSES, lambda: sparse(from_logits=True)),
        ),
        "replace-loss of scores": (
            made(1, None, SIGNS, "binary_crossentropy"),
            made(1, None, SIGNS, lambda: binary(from_logits=True)),
        ),
        "replace-loss of classes": (
            made(3, None, CODES, "mse"),
            made(3, None, CLASSES, lambda: sparse(from_logits=True)),
        ),
        "average-loss": (
            made(1, None, SIGNS, lambda: keras.losses.MeanSquaredError(reduction="sum")),
            made(1, None, SIGNS, "mse"),
        ),
        "sigmoid": (
            made(1, "softmax", SIGNS, "binary_crossentropy"),
            made(1, "sigmoid", SIGNS, "binary_crossentropy"),
        ),
        "class-weights": (
            made(3, "softmax", CLASSES, "sparse_categorical_crossentropy", **whole),
            made(
                3,
                "softmax",
                CLASSES,
                "sparse_categorical_crossentropy",
                **whole,
                class_weight=weights,
            ),
        ),
        "class-weights of scores": (
            made(3, None, CLASSES, lambda: sparse(from_logits=True), **whole),
            made(3, None, CLASSES, lambda: sparse(from_logits=True), **whole, class_weight=weights),
        ),
        "class-weights of two": (
            made(1, "sigmoid", rare, "binary_crossentropy", **whole),
            made(1, "sigmoid", rare, "binary_crossentropy", **whole, class_weight=halves),
        ),
        "standardize-targets": (
            made(1, None, VALUES, "mse", **whole),
            made(1, None, scaled, "mse", **whole),
        ),
    }
    facts: Facts = {name: compared(name.split()[0], *pair) for name, pair in pairs.items()}
    squared = keras.losses.MeanSquaredError()
    with_fix("replace-loss", made(3, "softmax", CODES, lambda: squared))
    scores = torch.zeros(48, 3)
    call = call_of(squared, torch.tensor(CODES), scores, None, lambda: (None, None))
    return facts | {"read as": [call.kind, dict(call.arguments)]}


def of_data() -> Facts:
    batches: list[Any] = []
    rare = (ROWS[:, 0] > 0.7).astype("int64")

    class Noting(layers.Layer):
        def call(self, x: Any) -> Any:
            if torch.is_grad_enabled() and not x.is_meta:
                batches.append(x.detach().clone())
            return x

    def seen(fix: str, **options: Any) -> list[torch.Tensor]:
        batches.clear()
        inputs = np.concatenate([ROWS[:, :5], rare[:, None]], axis=1).astype("float32")

        def make() -> Any:
            model = sequential(Noting(), layers.Dense(3))
            model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
            model.fit(inputs, rare, verbose=0, **options)

        with_fix(fix, make)
        return list(batches)

    plain = seen("", shuffle=False)
    shuffled = seen("shuffle", shuffle=False)
    drawn = seen("balanced-sampler", epochs=20, validation_split=0.25)
    scaled = torch.cat(seen("standardize-input"))
    return {
        "plain": [len(each) for each in plain],
        "in order": bool((torch.cat(plain)[:, 0] == torch.tensor(ROWS[:, 0])).all()),
        "shuffled in order": bool((torch.cat(shuffled)[:, 0] == torch.tensor(ROWS[:, 0])).all()),
        "batches": [len(each) for each in seen("batch-size=7")],
        "known classes": np.bincount(rare[:36]).tolist(),
        "classes": torch.bincount(torch.cat(drawn)[:, 5].long()).tolist(),
        "mean": float(scaled.mean(0).abs().max()),
        "deviation": float((scaled.std(0) - 1).abs().max()),
    }


def of_own_loops() -> Facts:
    keras_sgd = keras.optimizers.SGD

    def made(is_frozen: bool, make_optimizer: Any = None) -> Make:
        def make() -> Any:
            model = sequential(layers.Dense(5), layers.Dense(1))
            model.build((None, 6))
            model.layers[0].trainable = not is_frozen
            return in_own_loop(model, SIGNS, 3, make_optimizer and make_optimizer(0.1))

        return make

    def dropping() -> Any:
        model = sequential(layers.Dense(20), layers.Dropout(0.5), layers.Dense(1))
        return in_own_loop(model, SIGNS, 3)

    def mixed() -> Any:
        dense = layers.Dense(30, activation="sigmoid", kernel_initializer="zeros")
        dense.build((None, 6))
        model = torch.nn.Sequential(dense, torch.nn.Linear(30, 1))
        model(torch.tensor(ROWS)).mean().backward()
        return dense

    def normalized() -> Any:
        model = sequential(layers.Dense(20), layers.Dense(1))
        return in_own_loop(model, SIGNS, 3, keras_sgd(0.1))

    inserted: list[Any] = []

    def note(module: Any, *_: Any) -> None:
        if isinstance(module, torch.nn.BatchNorm1d):
            inserted.append(module)

    noting = register_module_forward_hook(note)
    with_fix("batch-normalization", normalized)
    noting.remove()
    return {
        "inserted": float((inserted[0].weight.detach() - 1).abs().max()),
        "train-mode": compared("train-mode", dropping, dropping),
        "unfreeze": compared("unfreeze", made(True), made(False)),
        "unfreeze of keras": compared("unfreeze", made(True, keras_sgd), made(False, keras_sgd)),
        "in torch": float(with_fix("he-initialization", mixed)[0].kernel.value.detach().std()),
    }


def range_test() -> Facts:
    optimizers: list[Any] = []

    def make() -> Any:
        model = sequential(layers.Dense(16, activation="tanh"), layers.Dense(1))
        optimizers.append(keras.optimizers.SGD(1e-6))
        return in_own_loop(model, SIGNS, 260, optimizers[-1])

    def loss(model: Any) -> float:
        with torch.no_grad():
            return float(((model(torch.tensor(ROWS)) - torch.tensor(SIGNS)) ** 2).mean())

    swept, training = with_fix("learning-rate-by-range-test", make, 200)
    slow, _ = with_fix("", make)
    return {
        "found": training.found,
        "losses": [loss(swept), loss(slow)],
        "rate": float(optimizers[0].learning_rate.value),
    }


def reasons() -> Facts:
    def make() -> Any:
        return fitted(sequential(layers.Dense(1)), SIGNS)

    names = ("match-target-shape", "train-mode", "evaluation-mode", "add-zero-grad")
    found = {name: with_fix(name, make)[1] for name in names}
    return {name: [each.missing, len(each.activity)] for name, each in found.items()}


def main() -> None:
    torch.set_num_threads(1)
    # Of a softmax over one unit, which is the fault.
    warnings.filterwarnings("ignore", message="You are using a softmax over axis")
    facts: Facts = {
        "optimizers": of_optimizers(),
        "layers": {name: of_layers(style) for name, style in STYLES.items()},
        "residual": residual(),
        "weights": of_weights(),
        "losses": of_losses(),
        "data": of_data(),
        "own loops": of_own_loops(),
        "range test": range_test(),
        "reasons": reasons(),
    }
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
