import torch

from defib.datasets import number_screenshots as module
from defib.datasets.number_screenshots import SIDE, number_screenshots


def test_equal_arguments_give_equal_screenshots_and_half_of_them_are_answered_yes():
    (train, held_out), (again, _) = (
        number_screenshots(20, 10, seed=1),
        number_screenshots(20, 10, seed=1),
    )
    assert train.images.shape == (20, 3, SIDE, SIDE)
    assert torch.equal(train.images, again.images)
    assert int(train.answers.sum()) == 10
    assert int(held_out.answers.sum()) == 5


def test_no_number_is_asked_about_in_both_sets(monkeypatch):
    asked: list[str] = []
    original = module._screenshot

    def noted(number, font, generator):
        asked.append(number)
        return original(number, font, generator)

    monkeypatch.setattr(module, "_screenshot", noted)
    train, _ = number_screenshots(300, 100, seed=0)
    assert not set(asked[:300]) & set(asked[300:])
    assert [module.ASKED in each for each in asked[:300]] == train.answers.bool().tolist()


def test_the_number_stands_in_different_places_on_a_page_of_light_colour():
    train, _ = number_screenshots(40, 2, seed=0)
    brightness = train.images.mean(dim=1)
    darkest_rows = brightness[:, 18:].flatten(1).argmin(dim=1)
    assert darkest_rows.unique().numel() > 10
    assert (train.images.flatten(1).median(dim=1).values > -0.5).all()
    assert abs(float(train.images.mean())) < 0.3
