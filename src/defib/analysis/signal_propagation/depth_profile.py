"""The curves of a picture of second moments against depth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from defib.analysis.signal_propagation.results import LayerSignal, SignalPropagation


@final
@dataclass(frozen=True, eq=False)
class DepthProfile:
    """Decimal logarithms, one entry per layer call in order; `nan` where there is no value.

    −inf where a signal is exactly zero. `variance` is around the mean, `second_moment` (what
    theory predicts) around 0; gradients are second moments.
    """

    layers: tuple[str, ...]
    depth: np.ndarray
    variance: np.ndarray
    second_moment: np.ndarray
    predicted_second_moment: np.ndarray
    activation_second_moment: np.ndarray
    predicted_activation_second_moment: np.ndarray
    gradient: np.ndarray
    predicted_gradient: np.ndarray


def depth_profile(propagation: SignalPropagation) -> DepthProfile:
    """The curves of a measured model, forward and backward, measured and predicted."""

    def curve(value: Callable[[LayerSignal], float | None]) -> np.ndarray:
        return _logarithms([value(each) for each in propagation.layers])

    return DepthProfile(
        layers=tuple(each.layer for each in propagation.layers),
        depth=np.arange(len(propagation.layers)),
        variance=curve(lambda each: each.forward.layer and each.forward.layer.variance),
        second_moment=curve(lambda each: each.forward.layer and each.forward.layer.second_moment),
        predicted_second_moment=curve(lambda each: each.forward.predicted_layer),
        activation_second_moment=curve(
            lambda each: each.forward.activation and each.forward.activation.second_moment
        ),
        predicted_activation_second_moment=curve(lambda each: each.forward.predicted_activation),
        gradient=curve(lambda each: each.backward.layer and each.backward.layer.second_moment),
        predicted_gradient=curve(lambda each: each.backward.predicted_layer),
    )


def _logarithms(values: list[float | None]) -> np.ndarray:
    numbers = np.array([np.nan if each is None else each for each in values], dtype=np.float64)
    with np.errstate(divide="ignore"):
        return np.log10(numbers)
