import numpy as np
import pytest

from defib.records.series import Series
from defib.rules.data.label_balance import minority_recall, perplexity
from defib.rules.data.label_order import LabelCounts


def test_perplexity_of_equal_classes_is_one():
    assert perplexity(np.array([5.0, 5.0, 5.0])) == pytest.approx(1.0)


def test_perplexity_tends_to_one_class():
    assert perplexity(np.array([1e9, 1.0])) == pytest.approx(0.5, abs=1e-6)


LABELS = LabelCounts(np.array([0, 5]), np.array([[9.0, 1.0], [8.0, 2.0]]))


@pytest.mark.parametrize(
    ("accuracies", "recall"), [((0.9, 0.8), 0.0), ((1.0, 1.0), 1.0), ((0.1, 0.2), -14 / 3)]
)
def test_minority_recall(accuracies: tuple[float, float], recall: float):
    accuracy = Series.of([*accuracies, 0.5], [0, 5, 9])
    assert minority_recall(LABELS, accuracy, 0) == pytest.approx(recall)


def test_minority_recall_counts_from_a_step_on():
    accuracy = Series.of([1.0, 0.8], [0, 5])
    assert minority_recall(LABELS, accuracy, 1) == pytest.approx(0.0)


def test_minority_recall_is_nan_without_rare_examples():
    labels = LabelCounts(np.array([0]), np.array([[9.0, 0.0]]))
    assert np.isnan(minority_recall(labels, Series.of([1.0]), 0))
