from itertools import pairwise

import numpy as np
import pytest

from defib.rules.data.label_order import (
    LabelCounts,
    dispersion,
    forgets_at_changes,
    label_counts,
    serial_correlation,
)
from defib.testing import make_run


def of(*rows: tuple[float, ...]) -> LabelCounts:
    return LabelCounts(np.arange(len(rows)), np.array(rows))


def slow_distance_ratio(shares: np.ndarray) -> float:
    neighbours = [((a - b) ** 2).sum() for a, b in pairwise(shares)]
    pairs = [
        ((a - b) ** 2).sum() for i, a in enumerate(shares) for j, b in enumerate(shares) if i != j
    ]
    return 1 - float(np.mean(neighbours) / np.mean(pairs))


def test_serial_correlation_agrees_with_its_definition():
    counts = np.random.default_rng(0).integers(1, 9, (30, 4)).astype(float)
    shares = counts / counts.sum(axis=1, keepdims=True)
    found = serial_correlation(LabelCounts(np.arange(30), counts))
    assert found.value == pytest.approx(slow_distance_ratio(shares))


def test_serial_correlation_of_two_halves():
    found = serial_correlation(of(*[(8.0, 0.0)] * 10, *[(0.0, 8.0)] * 10))
    # One of 19 neighbours differs, and 200 of 380 ordered pairs do.
    assert found.value == pytest.approx(1 - (1 / 19) / (200 / 380))


def test_deviations_of_shuffled_batches_have_unit_spread():
    rng = np.random.default_rng(1)
    found = [
        serial_correlation(LabelCounts(np.arange(50), rng.multinomial(8, [0.2, 0.5, 0.3], 50)))
        for _ in range(300)
    ]
    deviations = np.array([each.deviations for each in found])
    assert abs(deviations.mean()) < 0.2
    assert 0.9 < deviations.std() < 1.1


def test_serial_correlation_is_nan_where_batches_are_alike():
    assert np.isnan(serial_correlation(of(*[(4.0, 4.0)] * 20)).value)


def test_dispersion_is_chi_square_over_degrees_of_freedom():
    # Expected 8 and 8 in each row: 4 * 16 / 8 = 8 over one degree of freedom.
    assert dispersion(of((12.0, 4.0), (4.0, 12.0))).ratio == pytest.approx(8.0)


def test_pure_batches_hold_all_the_variance_between_them():
    assert dispersion(of(*[(16.0, 0.0), (0.0, 16.0)] * 50)).share == pytest.approx(1.0, abs=0.02)


def test_single_examples_are_merged_into_windows():
    sorted_examples = of(*[(1.0, 0.0)] * 16, *[(0.0, 1.0)] * 19)
    # Three windows of 8 and one of 11, which takes what is left at the end.
    expected = dispersion(of((8.0, 0.0), (8.0, 0.0), (0.0, 8.0), (0.0, 11.0)))
    assert dispersion(sorted_examples) == expected


def test_dispersion_is_nan_for_one_window():
    assert np.isnan(dispersion(of(*[(1.0, 1.0)] * 3)).ratio)


def test_label_counts_leave_out_unseen_classes_and_empty_batches():
    run = make_run(label_count={"0": [4, 0, 2], "1": [0, 0, 0], "2": [0, 0, 2]})
    labels = label_counts(run)
    assert labels.counts.tolist() == [[4, 0], [2, 2]]
    assert labels.steps.tolist() == [0, 2]
    assert (labels.batch_size, labels.minority_examples) == (4, 0)


def test_minority_examples_leave_out_the_batch_with_most():
    assert of((8.0, 0.0), (5.0, 3.0), (6.0, 2.0), (7.0, 1.0)).minority_examples == 3.0


def test_label_counts_of_a_run_without_labels_are_empty():
    assert label_counts(make_run()).counts.shape[0] == 0


@pytest.mark.parametrize(("peak", "forgets"), [(0.8, True), (0.6, False)])
def test_forgets_if_the_loss_exceeds_a_constant_prediction_at_changes(peak: float, forgets: bool):
    labels = {"0": [8.0] * 5 + [0.0] * 5, "1": [0.0] * 5 + [8.0] * 5}
    losses = [0.1] * 5 + [peak] + [0.1] * 4
    run = make_run(loss_kind="cross-entropy", loss=losses, label_count=labels)
    assert forgets_at_changes(run, "SGD", label_counts(run)) is forgets


def test_does_not_forget_where_no_constant_prediction_is_known():
    run = make_run(loss=[9.0] * 10, label_count={"0": [8.0, 0.0] * 5, "1": [0.0, 8.0] * 5})
    assert not forgets_at_changes(run, "SGD", label_counts(run))
