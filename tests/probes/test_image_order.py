"""In which order images are the smoother."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from defib.checkup import check_up
from defib.records.preflight import PreflightRecord
from tests.probes.first_batches import record_of
from tests.probes.mistakes import fit

WAVE = torch.sin(torch.arange(16) / 3)
IMAGES = (WAVE[:, None] + WAVE)[None, :, :, None] * torch.tensor([1.0, 0.1, -1.0])


def record_with(images: Tensor) -> PreflightRecord:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(images[0].numel(), 2))
    batch = images.expand(4, *images.shape[1:]), torch.tensor([0, 1, 0, 1])
    return record_of(lambda: fit(model, [batch]))


def told(images: Tensor) -> bool:
    found = check_up(record_with(images)).findings
    return "pixels-out-of-order" in {each.rule for each in found}


def ratio(record: PreflightRecord) -> float:
    given, other = (record.value("neighbour_difference", each) for each in ("given", "reordered"))
    return given / other


def test_images_are_smooth_as_they_are():
    images = IMAGES.permute(0, 3, 1, 2)
    assert ratio(record_with(images)) < 0.5
    assert not told(images)


def test_reshaped_images_are_smoother_with_the_channels_last():
    images = IMAGES.reshape(1, 3, 16, 16)
    assert ratio(record_with(images)) > 2
    assert told(images)


def test_of_one_channel_and_of_tables_nothing_is_measured():
    for inputs in (IMAGES[..., :1].permute(0, 3, 1, 2), IMAGES.flatten(1)):
        reason = record_with(inputs).not_measured["neighbour_difference"]
        assert reason == "the inputs are no images of several channels"
