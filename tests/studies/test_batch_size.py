import math

import pytest
import torch
from torch import nn

from defib.studies import batch_size
from defib.studies.batch_size import QUICK, Config, _kept_bytes, _known, _steps_to, measure
from defib.studies.image_sets import Images
from tests.studies.garments import TINY, random_garments


def test_the_target_is_reached_by_the_mean_over_512_examples():
    losses = [4.0, 0.0, 2.0, 1.0, 1.0]
    assert _steps_to(1.5, losses, 256) == 3
    assert _steps_to(1.5, losses, 512) == 2
    assert _steps_to(0.5, losses, 256) is None


def test_the_rate_grows_with_the_batch_up_to_the_limit():
    assert QUICK.rate(64) == QUICK.learning_rate
    assert QUICK.rate(16) == pytest.approx(QUICK.learning_rate / 4)
    assert QUICK.rate(10_000) == QUICK.largest_rate


def test_what_a_linear_layer_keeps_is_its_input_and_what_the_loss_needs():
    images = torch.randn(50, 6)
    labels = torch.zeros(50, dtype=torch.int64)
    data = Images(images, labels, images, labels)
    kept = _kept_bytes(nn.Linear(6, 3), data, 8)
    # Inputs and log-probabilities in float32, labels in int64, the weight of the mean.
    assert kept == 4 * (8 * 6 + 8 * 3) + 8 * 8 + 4


def test_a_seed_without_a_value_is_left_out_of_a_ratio():
    assert _known((2.0, math.nan, 3.0), (1.0, 1.0, math.inf)) == ((2.0,), (1.0,))


def test_every_size_is_measured(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(batch_size, "garments", random_garments)
    monkeypatch.setattr(batch_size, "WINDOW", 32)
    monkeypatch.setattr(batch_size, "NOISE_BATCHES", 2)
    monkeypatch.setattr(batch_size, "NOISE_BATCH", 32)
    config = Config(1, TINY, 1, 10.0, 0.01, 0.1, batch_sizes=(8, 16, 32))
    tables = measure(config, 0)
    assert tables["sizes"].column("batch_size") == (8, 16, 32)
    # No loss of ten classes is near 10 nats: the target is reached with the first 32 examples.
    assert tables["sizes"].column("steps_to_target") == (4, 2, 1)
    assert tables["sizes"].column("examples_to_target") == (32, 32, 32)
    assert tables["noise"].column("moment") == ("start", "end")
    assert all(each > 0 for each in tables["time"].numbers("seconds_per_epoch"))
