"""Orders of examples that are given instead of drawn."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from defib.ensemble.specification import Training
from defib.errors import UsageError


def prepared_orders(
    orders: ArrayLike | None, training: Training, networks: int, points: int
) -> np.ndarray | None:
    """[epochs, points] or [networks, epochs, points] in int32; `None`: each network draws its own.

    An example may come twice or never in an epoch. Raises `UsageError` for other shapes, and for
    numbers that name no example.
    """
    if orders is None:
        # In one batch of all examples the order changes nothing but rounding.
        if training.shuffle and training.batch_size < points:
            return None
        in_turn = np.arange(points, dtype=np.int32)
        return np.broadcast_to(in_turn, (training.epochs, points))
    array = np.asarray(orders)
    shape = (training.epochs, points)
    if array.shape not in (shape, (networks, *shape)) or array.dtype.kind not in "iu":
        raise UsageError(
            f"Orders are whole numbers of the shape {list(shape)} or {[networks, *shape]}; "
            f"{array.dtype} of the shape {list(array.shape)} came."
        )
    if array.size and not 0 <= array.min() <= array.max() < points:
        raise UsageError(
            f"Orders name examples from 0 to {points - 1}; there are some from {array.min()} to "
            f"{array.max()}."
        )
    return array.astype(np.int32)
