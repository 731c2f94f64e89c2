"""The steps of an optimiser, taken by torch's or Keras's own."""

from __future__ import annotations

import importlib
import inspect
import os
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from defib.derivations.comparison import compare
from defib.derivations.optimizer import Optimizer
from defib.derivations.update_forms import KERAS
from defib.derivations.update_rules import update_rule_called
from defib.errors import UsageError
from defib.records.derivation import Check, Derivation

TOLERANCE = 1e-12
"""Double precision, a few operations on numbers of about 1."""
KERAS_TOLERANCE = 1e-9
"""Keras keeps its learning rate in single precision: 6e-8 of a step of a thousandth."""
KERAS_DECAY_TOLERANCE = 1e-7
"""Keras on torch keeps the factor 1 - decay*rate in single precision: 6e-8 of the parameter."""

TORCH_NAMES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "sgd": ("SGD", {}),
    "momentum": ("SGD", {"momentum": 0.9}),
    "nesterov": ("SGD", {"momentum": 0.9, "nesterov": True}),
    "adagrad": ("Adagrad", {}),
    "rmsprop": ("RMSprop", {}),
    # No framework has it. On given gradients the look-ahead changes nothing, and what is left
    # is RMSprop with momentum and no ε.
    "rmsprop-nesterov": ("RMSprop", {"lr": 0.001, "alpha": 0.9, "momentum": 0.9, "eps": 0.0}),
    "adadelta": ("Adadelta", {}),
    "adam": ("Adam", {}),
    "adamw": ("AdamW", {}),
}


def checks(problem: Optimizer, derivation: Derivation) -> Iterator[Check]:
    """The parameter after each step, and the defaults, as the framework has them."""
    gradients = [float(each) for each in problem.gradient_sequence()]
    start = float(problem.first_values(problem.form())["p"])
    forms = update_rule_called(problem.optimizer).forms
    is_keras = problem.framework == KERAS and KERAS in forms
    walk, defaults = (keras_walk, keras_defaults) if is_keras else (torch_walk, torch_defaults)
    found = walk(problem.optimizer, start, gradients)
    exact = [float(derivation.results[f"p_{n}"]) for n in range(1, len(found) + 1)]
    name = "Keras" if is_keras else "torch"
    its_tolerance = KERAS_DECAY_TOLERANCE if "wd" in problem.form().letters else KERAS_TOLERANCE
    tolerance = its_tolerance if is_keras else TOLERANCE
    yield compare(
        f"{name}'s own optimiser",
        "the parameter after each step",
        zip(exact, found, strict=True),
        tolerance=tolerance,
    )
    if KERAS not in forms:
        return  # a book's form: its defaults are no framework's
    known = defaults(problem.optimizer)
    form = problem.form()
    printed = {**form.defaults, **{f"{state}_0": value for state, value in form.start.items()}}
    pairs = [(float(printed[each]), known[each]) for each in printed if each != "mu"]
    yield compare(
        f"{name}'s own optimiser",
        "the defaults, of the installed version",
        pairs,
    )


def torch_defaults(name: str) -> dict[str, float]:
    """The hyper-parameters of torch's optimiser, by our names for them."""
    kind, options = TORCH_NAMES[name]
    defaults = getattr(torch.optim, kind)([torch.nn.Parameter(torch.zeros(1))], **options).defaults
    beta1, beta2 = defaults.get("betas", (0.0, 0.0))
    return {
        "lr": defaults["lr"],
        "eps": defaults.get("eps", 0.0),
        "rho": defaults.get("rho", defaults.get("alpha", 0.0)),
        "beta1": beta1,
        "beta2": beta2,
        "wd": defaults.get("weight_decay", 0.0),
        "a_0": defaults.get("initial_accumulator_value", 0.0),
    }


def keras_defaults(name: str) -> dict[str, float]:
    """The hyper-parameters of Keras's optimiser, by our names for them."""
    kind, _ = TORCH_NAMES[name]
    parameters = inspect.signature(getattr(_keras().optimizers, kind)).parameters
    names = {
        "lr": "learning_rate",
        "eps": "epsilon",
        "rho": "rho",
        "beta1": "beta_1",
        "beta2": "beta_2",
        "wd": "weight_decay",
        "a_0": "initial_accumulator_value",
    }
    return {
        ours: float(parameters[its].default or 0.0)
        for ours, its in names.items()
        if its in parameters
    }


def torch_walk(name: str, start: float, gradients: list[float]) -> list[float]:
    """The parameter after each step of torch's optimiser, in double precision."""
    kind, options = TORCH_NAMES[name]
    parameter = torch.nn.Parameter(torch.tensor(start, dtype=torch.float64))
    optimizer = getattr(torch.optim, kind)([parameter], **options)
    found = []
    for gradient in gradients:
        parameter.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
        found.append(float(parameter.detach()))
    return found


def keras_walk(name: str, start: float, gradients: list[float]) -> list[float]:
    """The parameter after each step of Keras's optimiser, in double precision."""
    optimizer = _keras_optimizer(name)
    keras = _keras()
    parameter = keras.Variable(start, dtype="float64")
    found = []
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient, dtype="float64")], [parameter])
        # Not by way of numpy, whose newest protocol torch's tensors do not know.
        found.append(float(keras.ops.stop_gradient(keras.ops.convert_to_tensor(parameter))))
    return found


def _keras_optimizer(name: str) -> Any:  # Keras may be missing, and its types with it
    kind, options = TORCH_NAMES[name]
    return getattr(_keras().optimizers, kind)(**options)


def _keras() -> Any:
    # Torch is loaded already; Keras's own default would be another backend.
    os.environ.setdefault("KERAS_BACKEND", "torch")
    try:
        return importlib.import_module("keras")
    except ModuleNotFoundError as error:
        raise UsageError(
            "Keras is not installed, so its steps cannot be checked: `pip install 'defib[keras]'`."
        ) from error
