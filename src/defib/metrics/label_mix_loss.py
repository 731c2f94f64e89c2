"""The part of a batch's loss that its mix of labels alone explains."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def label_mix_cross_entropy(
    log_probabilities: Float[Tensor, "batch classes"], targets: Int[Tensor, " batch"]
) -> Float[Tensor, ""]:
    """Cross-entropy (nats) if every example got the batch's mean prediction.

    The mean is taken of the log-probabilities and normalised. If the network's output does
    not depend on its input, this equals the batch's loss exactly: whatever the loss
    fluctuates by then comes from the labels that happen to be in the batch.
    """
    constant = torch.log_softmax(log_probabilities.mean(dim=0), dim=0)
    return F.nll_loss(constant.expand(len(targets), -1), targets)


def label_mix_binary_cross_entropy(
    logits: Float[Tensor, "*shape"], targets: Float[Tensor, "*shape"]
) -> Float[Tensor, ""]:
    """Binary cross-entropy (nats) if every example got the batch's mean logit."""
    constant = logits.mean().expand_as(targets)
    return F.binary_cross_entropy_with_logits(constant, targets)


def label_mix_squared_error(
    outputs: Float[Tensor, "batch *rest"], targets: Float[Tensor, "batch *rest"]
) -> Float[Tensor, ""]:
    """Mean squared error if every example got the batch's mean output."""
    return F.mse_loss(outputs.mean(dim=0, keepdim=True).expand_as(targets), targets)
