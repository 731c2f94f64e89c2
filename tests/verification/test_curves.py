"""Curves of what is compared."""

from __future__ import annotations

import math

import pytest

from defib.records.series import Series
from defib.records.trial import Yardstick
from defib.testing import make_run
from defib.verification.curves import POINTS, curves_of, thinned


def test_evaluations_are_drawn_by_their_worst_place():
    record = make_run(
        evaluation_loss={"train.py:9": [1.0, 0.2], "train.py:10": [1.0, 0.7]},
        evaluation_accuracy={"train.py:9": [0.5, 0.9], "train.py:10": [0.5, 0.6]},
    )
    found = {each.yardstick: each.values for each in curves_of(record, math.nan)}
    assert found == {
        Yardstick.EVALUATION_LOSS: (1.0, 0.7),
        Yardstick.EVALUATION_ACCURACY: (0.5, 0.6),
    }


def test_a_loss_over_that_of_a_constant_prediction_is_drawn_where_that_is_known():
    [curve] = curves_of(make_run(loss=[2.0, 1.0]), 2.0)
    assert (curve.yardstick, curve.values) == (Yardstick.RELATIVE_LOSS, (1.0, 0.5))
    assert curves_of(make_run(loss=[2.0, 1.0]), math.nan) == ()


def test_a_single_evaluation_is_a_point():
    [curve] = curves_of(make_run(evaluation_loss={"train.py:9": [1.0]}), math.nan)
    assert (curve.steps, curve.values) == ((0,), (1.0,))


def test_long_curves_are_averaged_over_neighbouring_steps():
    found = thinned(Series.of([float(step) for step in range(2 * POINTS)]))
    assert len(found) == POINTS
    assert found.values[:2].tolist() == pytest.approx([0.5, 2.5])
