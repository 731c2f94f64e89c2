from defib.studies import fashion
from defib.studies.fashion import PUBLISHED, seeded_network
from tests.studies.garments import random_garments


def test_the_network_fits_both_sizes_of_images():
    for edge, narrowing in ((14, 16), (28, 16)):
        scale = fashion.Scale(96, 32, edge, narrowing, "cpu")
        data = random_garments(scale, 0)
        assert seeded_network(scale, 0)(data.images).shape == (96, 10)


def test_the_published_size_is_that_of_the_published_network():
    network = seeded_network(fashion.Scale(1, 1, PUBLISHED.edge, PUBLISHED.narrowing, "cpu"), 0)
    # 1,652,826 for three channels; the first of 96 filters of 3 x 3 see one instead.
    assert sum(each.numel() for each in network.parameters()) == 1_652_826 - 2 * 9 * 96
