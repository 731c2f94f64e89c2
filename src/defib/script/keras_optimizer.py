"""The optimiser of torch that makes the same steps as that of a Keras model."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import torch

# Optimisers of Keras, which may be missing, and their settings.
Optimizer = Any
Settings = Mapping[str, Any]


def equivalent_optimizer(model: Any) -> torch.optim.Optimizer | None:
    """An optimiser of torch over the trained variables of a compiled Keras model.

    For the classes whose steps torch has too; `None` for others, for schedules, and for what is
    no model of Keras.
    """
    keras = sys.modules.get("keras")
    if keras is None or not isinstance(model, keras.Model):
        return None
    optimizer = getattr(model, "optimizer", None)
    make = next(
        (
            make
            for name, make in _MAKERS.items()
            # A class of the user's own may step otherwise than the one it inherits from.
            if isinstance(optimizer, getattr(keras.optimizers, name)) and _is_of_keras(optimizer)
        ),
        None,
    )
    trained = [each.value for each in model.trainable_variables]
    if make is None or not trained:
        return None
    settings: Settings = optimizer.get_config()  # type: ignore[union-attr]
    rate = settings.get("learning_rate")
    if not isinstance(rate, int | float) or settings.get("clipnorm"):
        return None
    return make(trained, float(rate), settings)


def _is_of_keras(optimizer: Optimizer) -> bool:
    return type(optimizer).__module__.startswith("keras.")


def _sgd(trained: Any, rate: float, settings: Settings) -> torch.optim.Optimizer:
    momentum = float(settings["momentum"])
    is_nesterov = bool(settings["nesterov"]) and momentum > 0
    return torch.optim.SGD(trained, lr=rate, momentum=momentum, nesterov=is_nesterov)


def _adam(trained: Any, rate: float, settings: Settings) -> torch.optim.Optimizer:
    betas = float(settings["beta_1"]), float(settings["beta_2"])
    return torch.optim.Adam(trained, lr=rate, betas=betas, eps=float(settings["epsilon"]))


def _adamw(trained: Any, rate: float, settings: Settings) -> torch.optim.Optimizer:
    betas = float(settings["beta_1"]), float(settings["beta_2"])
    decay, eps = float(settings["weight_decay"] or 0), float(settings["epsilon"])
    return torch.optim.AdamW(trained, lr=rate, betas=betas, eps=eps, weight_decay=decay)


def _rmsprop(trained: Any, rate: float, settings: Settings) -> torch.optim.Optimizer:
    return torch.optim.RMSprop(
        trained, lr=rate, alpha=float(settings["rho"]), eps=float(settings["epsilon"])
    )


_MAKERS: Mapping[str, Callable[[Any, float, Settings], torch.optim.Optimizer]] = {
    "AdamW": _adamw,
    "Adam": _adam,
    "SGD": _sgd,
    "RMSprop": _rmsprop,
}
"""By the name of Keras' class; a class before those that it inherits from."""
