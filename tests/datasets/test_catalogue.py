import pytest

from defib.datasets import bundled
from defib.datasets.bundled_sets import BUNDLED_SETS
from defib.datasets.catalogue import published_set, published_sets
from defib.datasets.images import how_to_provide
from defib.errors import UnknownNameError


def test_the_three_sets_are_found():
    assert [each.name for each in published_sets()] == ["cifar10", "fashion-mnist", "mnist"]


@pytest.mark.parametrize("name", ["fashion-mnist", "FashionMNIST", "fashion_mnist"])
def test_case_and_dashes_do_not_count(name: str):
    assert published_set(name).name == "fashion-mnist"


def test_an_unknown_name_offers_the_near_ones():
    with pytest.raises(UnknownNameError, match=r"Did you mean `cifar10`\?"):
        published_set("cifar100")


@pytest.mark.parametrize("known", published_sets(), ids=lambda known: known.name)
def test_licence_and_ways_to_provide_are_said(known):
    assert known.licence.terms
    assert known.licence.citation
    assert len(how_to_provide(known, "there is no network").splitlines()) == 5


@pytest.mark.parametrize("known", BUNDLED_SETS, ids=lambda known: known.name)
def test_a_bundled_set_is_as_large_as_its_row_says(known):
    split = getattr(bundled, known.loader)()
    count = len(split.inputs) + len(split.validation_inputs)
    assert f"{count:,}" == known.examples
    assert "x".join(map(str, split.inputs.shape[1:])) == known.shape
