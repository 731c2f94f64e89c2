import math

import pytest

from defib.records.learning_rate_range import Candidate, CandidateRange
from defib.records.study import Table
from defib.studies import learning_rate_range
from defib.studies.learning_rate_range import (
    Config,
    _candidate_rows,
    _decades_outside,
    _largest_low_fall,
    measure,
)
from tests.studies.garments import TINY, random_garments


def test_the_share_of_the_fall_is_1_for_the_best_candidate():
    losses = {1e-3: 2.0, 1e-2: 1.0, 1.0: 3.0}
    candidates = tuple(Candidate(rate, (loss,)) for rate, loss in losses.items())
    found = CandidateRange(candidates, 2.5, 1e-3, 1e-2, 1e-2)
    assert [row[2] for row in _candidate_rows(found)] == [pytest.approx(1 / 3), 1.0, -1 / 3]


def test_rates_up_to_a_millionth_are_far_too_low():
    rows = ((1e-9, 0.01), (1e-6, 0.05), (2e-6, 0.5))
    assert _largest_low_fall(Table(("learning_rate", "fall_share"), rows, 1)) == 0.05


def test_the_distance_from_an_interval_is_in_decades():
    assert _decades_outside(0.1, 0.01, 1.0) == 0
    assert _decades_outside(0.001, 0.01, 1.0) == pytest.approx(1)
    assert _decades_outside(100.0, 0.01, 1.0) == pytest.approx(2)
    assert _decades_outside(100.0, 0.01, math.nan) == 0
    assert math.isnan(_decades_outside(0.1, math.nan, math.nan))


def test_each_candidate_and_the_sweep_are_measured(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(learning_rate_range, "garments", random_garments)
    config = Config(1, TINY, epochs=1, sweep_steps=4, candidates=3)
    tables = measure(config, 0)
    assert tables["candidates"].numbers("learning_rate") == pytest.approx((1e-9, 1e-4, 10.0))
    assert len(tables["range"]) == 1
    assert all(loss > 0 for loss in tables["candidates"].numbers("loss"))
