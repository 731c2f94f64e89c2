"""Whether the gradients of one unit's weights all point the same way."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def gradient_sign_agreement(gradient: Float[Tensor, "units *inputs"]) -> Float[Tensor, ""]:
    """Mean over units of the share of the majority sign among non-zero entries, in [0.5, 1].

    1 where every weight of a unit must move in the same direction, as happens when all
    inputs of the layer are positive (sigmoid outputs, images in [0, 1]): gradient descent
    then zig-zags. Units without any non-zero entry are left out; `nan` if there is no other.
    Source: LeCun, Bottou, Orr, Müller, "Efficient BackProp" (1998), section 4.3.
    """
    signs = torch.sign(gradient.reshape(gradient.shape[0], -1))
    count = signs.abs().sum(dim=1)
    majority = 0.5 + 0.5 * signs.sum(dim=1).abs() / count
    return majority.nanmean()
