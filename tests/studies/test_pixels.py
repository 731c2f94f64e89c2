import pytest
import torch

from defib.studies.pixels import pixel_rows, pixel_table, pixels_in


def test_an_image_comes_back_up_to_half_a_level():
    image = torch.tensor([[-0.5, 0.1, 0.49], [0.0, 0.2, 0.5]])
    found = pixels_in(pixel_table(pixel_rows("a", image, -0.5, 0.5)), "a", -0.5, 0.5)
    for row, expected in zip(found, image.tolist(), strict=True):
        assert row == pytest.approx(expected, abs=0.5 / 255 + 1e-6)


def test_classes_come_back_exactly():
    classes = torch.arange(256).view(16, 16)
    found = pixels_in(pixel_table(pixel_rows("a", classes, 0, 255)), "a", 0, 255)
    assert torch.equal(torch.tensor(found), classes.float())


def test_images_are_told_apart_by_name_and_cut_off_at_the_ends():
    rows = pixel_rows("a", torch.tensor([[2.0]])) + pixel_rows("b", torch.tensor([[-2.0]]))
    assert pixels_in(pixel_table(rows), "a") == ((1.0,),)
    assert pixels_in(pixel_table(rows), "b") == ((0.0,),)
