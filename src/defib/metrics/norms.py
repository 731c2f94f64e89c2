"""Euclidean norms of many tensors at once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def norms(tensors: Sequence[Tensor]) -> Float[Tensor, " tensors"]:
    """The L2 norm of each tensor, in float32, in a few kernels for all of them.

    All tensors must lie on one device. `nan` and infinities propagate.
    """
    # float16 overflows at 65,504: the norm of a half-precision tensor is taken in float32.
    wide = [each.float() if each.dtype in _NARROW else each for each in tensors]
    return torch.stack([norm.float() for norm in torch._foreach_norm(wide)])  # pyright: ignore[reportPrivateImportUsage]


_NARROW = (torch.float16, torch.bfloat16)
