"""What a training and its evaluations have in common, by fingerprints."""

from __future__ import annotations

import numpy as np
import torch

from defib.monitor.examples import (
    BATCHES_OF_PLACE,
    EVALUATION_WORDS,
    MAXIMUM_PLACES,
    MAXIMUM_TRAINING,
    TRAINING_WORDS,
    Examples,
    fingerprints_of,
    overlap,
)


def batch(*values: int) -> np.ndarray:
    return np.array(values)


def test_shares_are_counted_on_both_sides():
    found = overlap([batch(1, 2), batch(3, 4)], [batch(4, 5, 6, 7, 4)], passed=10)
    assert (found.shared_examples, found.compared_examples) == (2 / 5, 5)
    assert (found.evaluated_training_examples, found.training_examples) == (1 / 4, 4)
    assert found.passed_examples == 10


def test_what_comes_again_in_the_latest_quarter_is_counted():
    training = [batch(1, 2), batch(3, 4), batch(5, 6), batch(1, 7)]
    found = overlap(training, [batch(9)], passed=1)
    assert (found.known_training_examples, found.latest_training_examples) == (0.5, 2)


def test_equal_pairs_are_those_of_the_evaluation_among_all_that_cannot_be_repetitions():
    found = overlap([batch(1, 2, 3), batch(1, 2, 3)], [batch(4, 4, 4, 5)], passed=4)
    assert found.equal_pairs == 3
    # 4 examples of the evaluation, and 3 of the training before the first one came again.
    assert found.looked_at_pairs == 6 + 3


def test_a_large_batch_is_read_in_part_and_another_part_at_each_turn():
    inputs = torch.arange(4.0 * TRAINING_WORDS).reshape(-1, 2)
    first, second = (fingerprints_of(inputs, TRAINING_WORDS, turn) for turn in range(2))
    assert first is not None
    assert second is not None
    assert len(first) == len(second) == TRAINING_WORDS
    assert not np.isin(first.numpy(), second.numpy()).any()


def test_an_example_that_is_too_large_alone_is_not_read():
    assert fingerprints_of(torch.zeros(1, 2 * EVALUATION_WORDS + 1), EVALUATION_WORDS, 0) is None


def test_batches_of_a_long_pass_are_evenly_spaced_and_few():
    examples = Examples()
    examples.trained(torch.zeros(1, 1))
    for number in range(200):
        if examples.wants("a", step=5):
            examples.evaluated("a", torch.tensor([number]), 1, step=5)
        else:
            examples.evaluated("a", None, 1, step=5)
    [known] = examples._passes.values()
    kept = torch.cat(known.batches).tolist()
    assert len(kept) <= BATCHES_OF_PLACE
    assert set(np.diff(kept)) == {8}
    [(_, found)] = examples.overlaps()
    assert found.passed_examples == 200


def test_only_the_first_pass_of_a_place_counts():
    examples = Examples()
    examples.trained(torch.zeros(1, 1))
    examples.evaluated("a", torch.tensor([1, 2]), 2, step=5)
    assert examples.is_over("a", step=6)
    examples.evaluated("a", torch.tensor([3, 4]), 2, step=6)
    [(label, found)] = examples.overlaps()
    assert (label, found.compared_examples) == ("a", 2)


def test_memory_is_bounded():
    examples = Examples()
    while not examples.is_full:
        examples.trained(torch.rand(1000, 2))
    examples.trained(torch.rand(1000, 2))
    assert examples._count < MAXIMUM_TRAINING + 1000
    for number in range(2 * MAXIMUM_PLACES):
        if examples.wants(str(number), step=1):
            examples.evaluated(str(number), torch.tensor([1]), 1, step=1)
    assert len(list(examples.overlaps())) == MAXIMUM_PLACES


def test_told_again_only_where_there_is_something_new():
    examples = Examples()
    examples.trained(torch.rand(10, 2))
    examples.evaluated("a", torch.tensor([1]), 1, step=1)
    assert len(list(examples.overlaps())) == 1
    examples.trained(torch.rand(1, 2))
    assert list(examples.overlaps()) == []
    assert len(list(examples.overlaps(is_last=True))) == 1
