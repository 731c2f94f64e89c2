"""The networks of the study, and the weights that they start from."""

from __future__ import annotations

import math

import torch

from defib.analysis.signal_propagation import activations
from defib.studies.stacks import Deviation, constant, glorot, he, lecun

INPUTS, WIDTH, HIDDEN_LAYERS, CLASSES = 64, 100, 5, 10
BATCH_SIZE = 64
QUANTILES = 41
"""Of a distribution that is shown as a violin."""
SATURATED = 0.95
"""|tanh| above which its slope is below a tenth: 1 − 0.95² = 0.0975."""
CHANCE_LOSS = math.log(CLASSES)

GODOY = "dvgodoy/deepreplay and intoli's article on initialisation"

FUNCTIONS = {
    "tanh": (torch.tanh, activations.tanh()),
    "sigmoid": (torch.sigmoid, activations.sigmoid()),
    "ReLU": (torch.relu, activations.relu()),
}


def torch_default(fan_in: int, _: int) -> float:
    """1/√(3 fan-in), the deviation of torch.nn.Linear's uniform weights."""
    return 1 / math.sqrt(3 * fan_in)


STARTS: dict[str, Deviation] = {
    "σ = 0.01": constant(0.01),
    "σ = 0.1": constant(0.1),
    "σ = 0.14": constant(0.14),
    "σ = 0.28": constant(0.28),
    "Glorot": glorot,
    "He": he,
    "LeCun": lecun,
    "PyTorch": torch_default,
}
SHOWN = ("σ = 0.01", "σ = 0.28", "Glorot", "He")
"""In the violin plots."""
