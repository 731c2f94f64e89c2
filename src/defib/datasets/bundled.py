"""Small real data sets that scikit-learn brings along: no download."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from torch import Tensor

VALIDATION_SHARE = 0.2
_SPLIT_SEED = 0


@final
@dataclass(frozen=True)
class Split:
    """Inputs (float32, examples first) and targets, for training and for validation."""

    inputs: Tensor
    targets: Tensor
    validation_inputs: Tensor
    validation_targets: Tensor


def digits() -> Split:
    """1797 grey images (1, 8, 8) of handwritten digits with values in [0, 1]; 10 classes."""
    bundle: Any = load_digits()
    images = bundle.images[:, None].astype(np.float32) / 16
    return _split(images, bundle.target.astype(np.int64))


def breast_cancer() -> Split:
    """569 tumours with 30 features in their own units; targets (N, 1): 1 benign, 0 malignant."""
    bundle: Any = load_breast_cancer()
    return _split(bundle.data.astype(np.float32), bundle.target.astype(np.float32)[:, None])


def diabetes() -> Split:
    """442 patients with 10 features in their own units; targets (N, 1): progression, 25 to 346."""
    bundle: Any = load_diabetes(scaled=False)
    return _split(bundle.data.astype(np.float32), bundle.target.astype(np.float32)[:, None])


def _split(inputs: np.ndarray, targets: np.ndarray) -> Split:
    order = np.random.default_rng(_SPLIT_SEED).permutation(len(inputs))
    held_out = round(VALIDATION_SHARE * len(inputs))
    data, labels = torch.from_numpy(inputs[order]), torch.from_numpy(targets[order])
    return Split(data[held_out:], labels[held_out:], data[:held_out], labels[:held_out])
