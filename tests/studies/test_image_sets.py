import pytest
import torch

from defib.datasets.bundled import Split
from defib.errors import DatasetUnavailableError
from defib.studies import image_sets
from defib.studies.image_sets import ImageScale, images_of

TINY = ImageScale(train_images=96, validation_images=32, edge=14)


def test_another_seed_draws_other_images_and_the_same_seed_the_same(
    monkeypatch: pytest.MonkeyPatch,
):
    pixels = torch.arange(500.0).view(-1, 1, 1, 1).expand(-1, 1, 28, 28)
    split = Split(pixels, torch.arange(500) % 10, pixels, torch.arange(500) % 10)
    monkeypatch.setattr(image_sets, "_published", lambda _: split)
    first, again, other = (images_of("mnist", TINY, seed) for seed in (0, 0, 1))
    assert first.images.shape == (96, 1, 14, 14)
    assert first.validation_images.shape == (32, 1, 14, 14)
    assert torch.equal(first.images, again.images)
    assert not torch.equal(first.images, other.images)
    assert torch.equal(first.images[:, 0, 0, 0].long() % 10, first.labels)


def test_without_data_the_study_says_so(monkeypatch: pytest.MonkeyPatch):
    def refuse(_: str) -> Split:
        raise DatasetUnavailableError("not here")

    monkeypatch.setattr(image_sets, "_published", refuse)
    with pytest.raises(DatasetUnavailableError, match="not here"):
        images_of("mnist", TINY, 0)
