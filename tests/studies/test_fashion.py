import pytest
import torch

from defib.datasets.bundled import Split
from defib.errors import DatasetUnavailableError
from defib.studies import fashion
from defib.studies.fashion import PUBLISHED, Batches, garments, quality, seeded_network
from tests.studies.garments import TINY, random_garments


def test_an_epoch_shows_each_image_once_and_leaves_out_the_rest():
    data = random_garments(TINY, 0)
    marked = fashion.Garments(
        torch.arange(96.0), torch.arange(96), data.validation_images, data.validation_labels
    )
    batches = Batches(marked, 10)
    seen = [float(image) for images, _ in batches for image in images]
    assert len(batches) == 9
    assert len(seen) == len(set(seen)) == 90


def test_each_epoch_has_another_order_that_the_seed_decides():
    batches = Batches(random_garments(TINY, 0), 32)
    torch.manual_seed(3)
    first, second = next(iter(batches))[1], next(iter(batches))[1]
    torch.manual_seed(3)
    assert not torch.equal(first, second)
    assert torch.equal(first, next(iter(batches))[1])


def test_the_network_fits_both_sizes_of_images():
    for edge, narrowing in ((14, 16), (28, 16)):
        scale = fashion.Scale(96, 32, edge, narrowing, "cpu")
        data = random_garments(scale, 0)
        assert seeded_network(scale, 0)(data.images).shape == (96, 10)


def test_the_published_size_is_that_of_the_published_network():
    network = seeded_network(fashion.Scale(1, 1, PUBLISHED.edge, PUBLISHED.narrowing, "cpu"), 0)
    # 1,652,826 for three channels; the first of 96 filters of 3 x 3 see one instead.
    assert sum(each.numel() for each in network.parameters()) == 1_652_826 - 2 * 9 * 96


def test_quality_leaves_the_network_training():
    data, network = random_garments(TINY, 0), seeded_network(TINY, 0)
    found = quality(network, data.images, data.labels)
    assert network.training
    assert 0 <= found.accuracy <= 1
    assert found.loss > 0


def test_another_seed_draws_other_images_and_the_same_seed_the_same(
    monkeypatch: pytest.MonkeyPatch,
):
    pixels = torch.arange(500.0).view(-1, 1, 1, 1).expand(-1, 1, 28, 28)
    split = Split(pixels, torch.arange(500) % 10, pixels, torch.arange(500) % 10)
    monkeypatch.setattr(fashion, "_published", lambda: split)
    first, again, other = (garments(TINY, seed) for seed in (0, 0, 1))
    assert first.images.shape == (96, 1, 14, 14)
    assert torch.equal(first.images, again.images)
    assert not torch.equal(first.images, other.images)
    assert torch.equal(first.images[:, 0, 0, 0].long() % 10, first.labels)


def test_without_data_the_study_says_so(monkeypatch: pytest.MonkeyPatch):
    def refuse() -> Split:
        raise DatasetUnavailableError("not here")

    monkeypatch.setattr(fashion, "_published", refuse)
    with pytest.raises(DatasetUnavailableError, match="not here"):
        garments(TINY, 0)
