import numpy as np

from defib.datasets.playground import circle
from defib.studies.label_order import SHUFFLED, SORTED, Config, _outcome, _watched, measure

TINY = Config(seeds=1, networks=16, points=200, learning_rates=(0.1,), later_epochs=1)


def test_after_the_positives_everything_is_called_positive():
    points = circle(400, np.random.default_rng(0))
    accuracy, positive, *_ = _outcome(points, 0.1, TINY, 0, is_sorted=True)
    assert positive > 0.95
    assert accuracy < 0.55


def test_the_watched_training_sees_one_class_after_the_other_or_both_mixed():
    points = circle(64, np.random.default_rng(0))
    for is_sorted in (True, False):
        setup = _watched(points, 0, is_sorted=is_sorted)
        labels = [targets.mean().item() for _, targets in setup.batches(0)]
        assert (labels == sorted(labels) and set(labels) == {0.0, 1.0}) is is_sorted


def test_both_orders_are_measured_and_judged():
    tables = measure(TINY, 0)
    assert tables["order"].distinct("order") == (SORTED, SHUFFLED)
    assert tables["judged"].where(order=SORTED).column("is_named") == (True,)
