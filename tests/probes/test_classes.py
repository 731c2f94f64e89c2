"""Labels that leave outputs of the network without an example."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from defib.checkup import check_up
from defib.networks.dense import dense_network
from tests.probes.first_batches import record_of
from tests.probes.mistakes import batches, digits, fit


@pytest.mark.parametrize(("outputs", "first", "is_told"), [(10, 0, False), (11, 1, True)])
def test_labels_that_count_from_one_are_told(outputs: int, first: int, is_told: bool):
    torch.manual_seed(0)
    images, labels = digits()
    model, loader = dense_network((64, 16, outputs)), batches((images, labels + first))
    record = record_of(lambda: fit(model, loader, loss_function=F.cross_entropy))
    found = [each for each in check_up(record).findings if each.rule == "class-without-examples"]
    assert len(found) == is_told
    assert not found or "count from 1" in found[0].remedy
