"""How far a step moved each parameter, relative to its size."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from defib.metrics.norms import norms


def update_ratios(
    before: Sequence[Tensor], after: Sequence[Tensor]
) -> Float[Tensor, " parameters"]:
    """Norm of the step actually taken, relative to the parameter (dimensionless).

    ‖after − before‖₂ / ‖before‖₂ for each pair. Momentum, weight decay and learning rate
    are all in it; a gradient/parameter ratio is a different quantity. `inf` if a zero
    parameter moved, `nan` if it did not. About 1e-3 is usual. `before` is overwritten: it
    is a copy made for this, and a second one would cost as much as the rest.
    Source: CS231n notes, "Neural Networks Part 3".
    """
    sizes = norms(before)
    copies = list(before)
    torch._foreach_sub_(copies, list(after))  # pyright: ignore[reportPrivateImportUsage]
    return norms(copies) / sizes
