"""Which tensors may be looked at now."""

from __future__ import annotations

import torch
from torch import Tensor
from torch._C._functorch import maybe_current_level


def is_observable(tensor: Tensor) -> bool:
    """Whether a tensor holds values that may be read now.

    Not so on the meta device, inside `vmap` and its like, under dispatch modes such as fake
    tensors, and while a CUDA graph is captured, where any wait for the device is an error.
    """
    if tensor.is_meta or maybe_current_level() is not None:
        return False
    if torch._C._len_torch_dispatch_stack() > 0:
        return False
    return not (tensor.is_cuda and torch.cuda.is_current_stream_capturing())
