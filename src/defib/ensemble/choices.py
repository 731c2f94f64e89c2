"""The names that a training is put together from."""

from __future__ import annotations

PLAIN_ACTIVATIONS = ("identity", "relu", "elu", "tanh", "sigmoid")
"""Activations without a number of their own; `leaky_relu(slope)` has one."""

INITIALIZATIONS = (
    *(
        f"{family}_{kind}"
        for family in ("he", "glorot", "lecun")
        for kind in ("normal", "truncated", "uniform")
    ),
    "torch",
    "keras",
    "normal",
    "zeros",
    "constant",
    "orthogonal",
    "rai",
)

LEARNED_BIASES = ("torch", "rai")
"""Initialisations that draw biases by a rule of their own."""

LOSSES = ("squared_error", "logistic", "softmax_cross_entropy", "hinge")

DEFAULT_LEARNING_RATES = {
    "sgd": 1e-3,
    "momentum": 1e-3,
    "nesterov": 1e-3,
    "rmsprop": 1e-2,
    "adagrad": 1e-2,
    "adadelta": 1.0,
    "adam": 1e-3,
}
"""Optimiser -> the learning rate that torch 2.13 gives it."""

DEFAULT_EPSILONS = {"rmsprop": 1e-8, "adagrad": 1e-10, "adadelta": 1e-6, "adam": 1e-8}
"""Optimiser -> the epsilon that torch 2.13 gives it; it stands outside the root but in Adadelta."""

PRECISIONS = ("float32", "float64")
