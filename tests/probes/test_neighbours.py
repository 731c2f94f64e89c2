"""Whether nearest neighbours have the same label, as it is measured of a loader's data."""

from __future__ import annotations

import pytest
import torch

from defib.networks.dense import dense_network
from tests.probes.first_batches import record_of
from tests.probes.mistakes import batches, digits, fit


@pytest.mark.parametrize("offset", [0.0, -0.3, 5.0])
def test_features_without_variation_hide_no_neighbours(offset: float):
    inputs, labels = digits()
    constant = torch.full((len(inputs), 8), 0.1)
    data = torch.cat([inputs.flatten(1), constant], 1) + offset, labels
    torch.manual_seed(0)
    record = record_of(lambda: fit(dense_network((72, 32, 10)), batches(data)))
    assert record.value("neighbour_agreement") > 0.9
