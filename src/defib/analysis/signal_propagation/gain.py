"""By how much weights must outweigh 1/√fan-in, because of the activation that follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from torch.nn.init import calculate_gain

from defib.analysis.signal_propagation.activations import Activation
from defib.analysis.signal_propagation.mean_field import activation_second_moment

_TORCH_NAMES: Mapping[str, Literal["linear", "sigmoid", "tanh", "relu", "selu", "leaky_relu"]] = {
    "identity": "linear",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "relu": "relu",
    "selu": "selu",
    "leaky_relu": "leaky_relu",
}


def recommended_gain(activation: Activation) -> float:
    """1/√E[φ(z)²], z ~ N(0, 1): a layer then keeps pre-activations at second moment 1.

    √2 for a ReLU (He et al. 2015), 1 without activation, 1.5925 for tanh.
    """
    return activation_second_moment(activation, 1.0) ** -0.5


def torch_gain(activation: Activation) -> float | None:
    """`torch.nn.init.calculate_gain`, for comparison; `None` where torch gives no gain.

    5/3 for tanh and 1 for a sigmoid are no second moments: torch's table is conventional.
    """
    name = _TORCH_NAMES.get(activation.name)
    return None if name is None else calculate_gain(name, activation.parameter)
