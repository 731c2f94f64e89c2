import pytest
import torch

from defib.metrics.neighbour_difference import neighbour_difference


def slow(images: torch.Tensor) -> float:
    across, down = [], []
    for image in images.double():
        for plane in image:
            rows, columns = plane.shape
            for i in range(rows):
                for j in range(columns):
                    if j:
                        across.append(abs(plane[i, j] - plane[i, j - 1]))
                    if i:
                        down.append(abs(plane[i, j] - plane[i - 1, j]))
    return float(sum(across) / len(across) + sum(down) / len(down))


def test_agrees_with_the_slow_reference():
    images = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    assert float(neighbour_difference(images)) == pytest.approx(slow(images))


def test_a_ramp_has_its_slope_and_an_even_image_nothing():
    ramp = torch.arange(6.0).expand(1, 1, 4, 6)
    assert float(neighbour_difference(ramp)) == 1.0
    assert float(neighbour_difference(torch.ones(1, 2, 3, 3))) == 0.0


def test_not_a_number_without_neighbours():
    assert neighbour_difference(torch.ones(1, 1, 1, 4)).isnan()
