"""The part of a batch's loss that its mix of labels alone explains."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def label_mix_cross_entropy(
    log_probabilities: Float[Tensor, "*kept batch classes"], targets: Int[Tensor, "*kept batch"]
) -> Float[Tensor, "*kept"]:
    """Cross-entropy (nats) if every example got the batch's mean prediction.

    The mean is taken of the log-probabilities and normalised. If the network's output does
    not depend on its input, this equals the batch's loss exactly: whatever the loss
    fluctuates by then comes from the labels that happen to be in the batch.
    """
    constant = torch.log_softmax(log_probabilities.mean(dim=-2), dim=-1)
    return -constant.gather(-1, targets).mean(dim=-1)


def label_mix_binary_cross_entropy(
    logits: Float[Tensor, "*kept *shape"], targets: Float[Tensor, "*kept *shape"], kept: int = 0
) -> Float[Tensor, "*kept"]:
    """Binary cross-entropy (nats) if every example got the batch's mean logit.

    One for each entry of the first `kept` axes.
    """
    axes = tuple(range(kept, logits.ndim))
    constant = logits.mean(dim=axes, keepdim=True).expand_as(targets)
    losses = F.binary_cross_entropy_with_logits(constant, targets, reduction="none")
    return losses.mean(dim=axes)


def label_mix_squared_error(
    outputs: Float[Tensor, "*kept batch *rest"],
    targets: Float[Tensor, "*kept batch *rest"],
    kept: int = 0,
) -> Float[Tensor, "*kept"]:
    """Mean squared error if every example got the batch's mean output.

    One for each entry of the first `kept` axes.
    """
    constant = outputs.mean(dim=kept, keepdim=True).expand_as(targets)
    losses = F.mse_loss(constant, targets, reduction="none")
    return losses.mean(dim=tuple(range(kept, losses.ndim)))
