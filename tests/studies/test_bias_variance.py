import numpy as np
import pytest

from defib.studies.bias_variance import KINDS, Config, Kind, _plain, _with_dropout, measure

TINY = Config(seeds=1, resamples=6, steps=15)


def data(points: int = 20) -> tuple[np.ndarray, np.ndarray]:
    inputs = np.random.default_rng(0).uniform(-1, 1, (6, points, 1)).astype(np.float32)
    return inputs, np.sin(3 * inputs)


def test_without_any_unit_dropped_dropout_is_the_plain_training():
    plain = _plain(Kind("", width=16), *data(), TINY, 3)
    nothing_dropped = _with_dropout(Kind("", width=16), *data(), TINY, 3)
    np.testing.assert_allclose(nothing_dropped, plain, atol=2e-4)


def test_dropout_changes_what_is_learnt():
    plain = _plain(Kind("", width=16), *data(), TINY, 3)
    dropped = _with_dropout(Kind("", width=16, dropout=0.5), *data(), TINY, 3)
    assert np.abs(dropped - plain).max() > 0.01


def test_bias_and_variance_add_up():
    error = measure(TINY, 0)["error"]
    assert error.distinct("kind") == tuple(KINDS)
    for bias, variance, total in zip(
        error.numbers("squared_bias"), error.numbers("variance"), error.numbers("sum"), strict=True
    ):
        assert bias + variance == pytest.approx(total)


def test_every_kind_is_compared_with_one_that_differs_in_one_thing():
    for kind in KINDS.values():
        if kind.base:
            base = KINDS[kind.base]
            names = ("width", "points", "l2", "dropout")
            changed = [each for each in names if getattr(kind, each) != getattr(base, each)]
            assert len(changed) == 1
