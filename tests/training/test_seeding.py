import random

import numpy as np
import torch

from defib.training.seeding import seed_everything


def draw() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def test_same_seed_gives_the_same_numbers():
    seed_everything(3)
    first = draw()
    seed_everything(3)
    assert draw() == first


def test_other_seeds_give_other_numbers():
    seed_everything(3)
    first = draw()
    seed_everything(4)
    assert all(one != other for one, other in zip(draw(), first, strict=True))
