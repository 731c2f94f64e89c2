"""The scales of the input's features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor


@final
@dataclass(frozen=True)
class FeatureScales:
    """`largest`: the largest root mean square of a feature; `index`: that feature;
    `ratio`: largest over smallest standard deviation among features that vary (1 if none)."""

    largest: Float[Tensor, ""]
    index: Float[Tensor, ""]
    ratio: Float[Tensor, ""]


def feature_scales(batch: Float[Tensor, "examples *rest"], feature_axis: int) -> FeatureScales:
    """Scales over the batch; features lie on `feature_axis` (1 for images, −1 for tables)."""
    axis = feature_axis % batch.ndim
    others = [each for each in range(batch.ndim) if each != axis]
    # Two passes: the mean of squares less the squared mean would drown in a large offset.
    centred = batch - batch.mean(dim=others, keepdim=True)
    deviation = centred.square().mean(dim=others).sqrt()
    root_mean_square = batch.square().mean(dim=others).sqrt()
    largest, index = root_mean_square.max(dim=0)
    # A constant feature has no scale to compare: rounding noise must not give a huge ratio.
    varies = deviation > 1e-6 * root_mean_square.clamp_min(1e-30)
    smallest = torch.where(varies, deviation, torch.inf).min()
    ratio = torch.where(varies, deviation, 0.0).max() / smallest
    return FeatureScales(largest, index.float(), torch.nan_to_num(ratio, nan=1.0).clamp_min(1.0))
