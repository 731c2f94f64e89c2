import numpy as np

from defib.studies.saddle_point import EXAMPLES, Config, _slopes, measure

TINY = Config(seeds=1, trajectories=20, batch_sizes=(1, 64), steps=120)


def test_the_slopes_of_the_examples_sum_to_exactly_nothing():
    slopes = _slopes(np.random.default_rng(3))
    assert slopes.sum() == 0
    assert np.random.default_rng(0).permutation(slopes).sum() == 0
    assert 0.9 < slopes.std() < 1.1


def test_all_examples_together_never_leave_the_ridge():
    escape = measure(TINY, 0)["escape"]
    assert escape.numbers("distance_at_end", batch_size=EXAMPLES) == (0.0,)
    assert escape.numbers("escaped_share", batch_size=EXAMPLES) == (0.0,)


def test_less_noise_escapes_later():
    escape = measure(TINY, 0)["escape"]
    [small] = escape.numbers("steps_to_escape", batch_size=1)
    [large] = escape.numbers("steps_to_escape", batch_size=64)
    # ln 8 / ln 1.1 = 21.8 steps for an eighth of the noise.
    assert 15 < large - small < 29
