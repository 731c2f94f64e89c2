from collections.abc import Callable

import pytest
import torch
from torch import nn

from defib.networks.pooled_convolutions import pooled_convolutions
from defib.networks.segmenting_classifier import (
    SegmentingClassifier,
    transposed_head,
    upsampling_head,
)


@pytest.mark.parametrize("head", [transposed_head, upsampling_head])
@pytest.mark.parametrize("has_skip", [False, True])
def test_every_pixel_has_a_score(head: Callable[[], nn.Module], has_skip: bool):
    network = SegmentingClassifier(pooled_convolutions(), head(), has_skip=has_skip)
    assert network(torch.randn(2, 1, 9, 9)).shape == (2, 1, 9, 9)


def test_the_dense_layer_does_at_every_place_what_it_does_in_the_classifier():
    classifier = pooled_convolutions()
    _, _, _, everywhere, _ = SegmentingClassifier(classifier, transposed_head()).coarse
    maps = torch.randn(2, 30, 3, 3)
    expected = classifier[7](maps.movedim(1, -1)).movedim(-1, 1)
    assert torch.allclose(everywhere(maps), expected, atol=1e-6)


def test_the_convolutions_are_those_of_the_classifier_itself():
    classifier = pooled_convolutions()
    network = SegmentingClassifier(classifier, transposed_head())
    assert [*network.fine, *network.coarse][:5] == [*classifier][:5]


def test_what_is_kept_is_all_but_the_head_and_the_skip():
    network = SegmentingClassifier(pooled_convolutions(), transposed_head(), has_skip=True)
    kept = {id(each) for each in network.kept()}
    others = {name for name, each in network.named_parameters() if id(each) not in kept}
    assert others == {"head.weight", "head.bias", "skip.weight", "skip.bias"}


def test_a_skip_says_nothing_at_first():
    classifier = pooled_convolutions()
    head = transposed_head()
    images = torch.randn(2, 1, 9, 9)
    plain, skipped = (
        SegmentingClassifier(classifier, head, has_skip=each) for each in (False, True)
    )
    assert torch.equal(plain(images), skipped(images))


def test_each_place_of_the_transposed_head_writes_its_own_pixels():
    maps = torch.zeros(1, 20, 3, 3)
    maps[:, :, 1, 1] = 1.0
    head = transposed_head()
    written = (head(maps) - head(torch.zeros_like(maps))).ne(0)[0, 0]
    assert written.nonzero().aminmax(dim=0)[0].tolist() == [3, 3]
    assert written.nonzero().aminmax(dim=0)[1].tolist() == [5, 5]
