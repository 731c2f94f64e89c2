"""What torch's own schedulers do, step by step."""

import warnings
from collections.abc import Callable
from itertools import islice

import numpy as np
import torch
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import LRScheduler


def learning_rates(
    make: Callable[[Optimizer], LRScheduler], steps: int, *, start: float = 0.1
) -> np.ndarray:
    """The learning rate of steps 0, 1, ..., `steps` - 1 under the scheduler that `make` gives."""
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=start, momentum=0.9)
    scheduler = make(optimizer)

    def used():
        while True:
            yield optimizer.param_groups[0]["lr"]
            optimizer.step()
            scheduler.step()

    with warnings.catch_warnings():
        # SequentialLR warns of itself.
        warnings.filterwarnings("ignore", "The epoch parameter")
        return np.array(list(islice(used(), steps)))
