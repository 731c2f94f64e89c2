import pytest
import torch

from defib.studies.segmentation.quality import (
    confusion,
    intersections_over_unions,
    mean_iou,
    near_boundary,
)

LABELS = torch.tensor([[0, 0, 0, 1], [0, 0, 1, 1]])
GUESSES = torch.tensor([[0, 0, 1, 1], [0, 0, 0, 1]])


def test_confusion_counts_pixels_by_label_and_guess():
    assert confusion(GUESSES, LABELS, 3).tolist() == [[4, 1, 0], [1, 2, 0], [0, 0, 0]]


def test_iou_is_the_shared_part_of_all_pixels_of_either():
    counts = confusion(GUESSES, LABELS, 2)
    assert intersections_over_unions(counts).tolist() == pytest.approx([4 / 6, 2 / 4])
    assert mean_iou(counts) == pytest.approx((4 / 6 + 2 / 4) / 2)


def test_a_class_that_nobody_knows_of_does_not_count():
    assert mean_iou(confusion(LABELS, LABELS, 5)) == 1.0


def test_the_band_reaches_as_far_as_the_distance():
    labels = torch.zeros(1, 1, 9, dtype=torch.int64)
    labels[..., 5:] = 2
    assert near_boundary(labels, 1)[0, 0].nonzero().flatten().tolist() == [4, 5]
    assert near_boundary(labels, 2)[0, 0].nonzero().flatten().tolist() == [3, 4, 5, 6]
    assert not near_boundary(torch.full((1, 4, 4), 3), 2).any()
