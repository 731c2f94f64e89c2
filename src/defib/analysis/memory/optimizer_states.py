"""Memory that optimisers keep between steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import final

import torch
from torch import Tensor


@final
@dataclass(frozen=True)
class OptimizerState:
    """What an optimiser of torch keeps for each parameter tensor that has a gradient.

    `has_frozen` ones make it at once for all parameters that they are given.
    """

    copies: int
    """Tensors of the size and element type of the parameter."""
    scalars: int = 0
    """Single numbers of the default element type, such as the count of steps."""
    has_frozen: bool = False

    def bytes_for(self, parameters: Iterable[Tensor]) -> int:
        """Bytes where the optimiser is given all of these distinct parameters."""
        kept = [each for each in parameters if each.requires_grad or self.has_frozen]
        # As torch.optim does: single precision whatever the parameter's, unless double is usual.
        scalar_bytes = 8 if torch.get_default_dtype() is torch.float64 else 4
        elements = sum(each.numel() * each.element_size() for each in kept)
        return self.copies * elements + self.scalars * scalar_bytes * len(kept)


OPTIMIZER_STATES: Mapping[str, OptimizerState] = MappingProxyType(
    {
        "SGD": OptimizerState(0),
        "SGD with momentum": OptimizerState(1),
        "Adam": OptimizerState(2, scalars=1),
        "Adam with AMSGrad": OptimizerState(3, scalars=1),
        "AdamW": OptimizerState(2, scalars=1),
        "AdamW with AMSGrad": OptimizerState(3, scalars=1),
        "NAdam": OptimizerState(2, scalars=2),
        "RAdam": OptimizerState(2, scalars=1),
        "Adamax": OptimizerState(2, scalars=1),
        "RMSprop": OptimizerState(1, scalars=1),
        "RMSprop with momentum": OptimizerState(2, scalars=1),
        "RMSprop centred": OptimizerState(2, scalars=1),
        "RMSprop centred with momentum": OptimizerState(3, scalars=1),
        "Adagrad": OptimizerState(1, scalars=1, has_frozen=True),
        "Adadelta": OptimizerState(2, scalars=1),
        "Rprop": OptimizerState(2, scalars=1),
        "ASGD": OptimizerState(1, scalars=3),
    }
)
"""By name, with torch's usual options unless the name says otherwise.

Written down, though torch's own optimisers are the source (a test compares them): to make and
step one of each takes longer than all the rest of the figures.
"""


def optimizer_states(parameters: Iterable[Tensor]) -> dict[str, int]:
    """Bytes of state per optimiser that is given these distinct parameters, frozen ones too."""
    distinct = tuple(parameters)
    return {name: state.bytes_for(distinct) for name, state in OPTIMIZER_STATES.items()}
