import torch

from defib.datasets.digit_scenes import BACKGROUND, SceneLayout, bold, digit_scenes


def dots(count: int) -> torch.Tensor:
    """Dark images of 5 x 5 with one bright pixel in the middle."""
    images = torch.zeros(count, 1, 5, 5)
    images[:, :, 2, 2] = 1.0
    return images


def scenes(boldness: int = 0, noise: float = 0.0, seed: int = 0):
    layout = SceneLayout(2, height=8, width=9, boldness=boldness, noise=noise)
    generator = torch.Generator().manual_seed(seed)
    return digit_scenes(dots(12), torch.arange(12) % 3, layout, generator)


def test_a_scene_has_its_digits_side_by_side_with_their_labels():
    made = scenes()
    assert made.images.shape == (6, 1, 8, 18)
    ink = made.images[:, 0] > 0.5
    assert torch.equal(ink, made.labels != BACKGROUND)
    for scene in range(6):
        left, right = made.labels[scene, :, :9], made.labels[scene, :, 9:]
        assert left[left > 0].tolist() == [scene % 3 + 1]
        assert right[right > 0].tolist() == [(6 + scene) % 3 + 1]


def test_digits_stand_in_different_places_and_a_seed_gives_the_same_ones():
    places = {tuple(each) for each in scenes().labels.nonzero()[:, 1:].tolist()}
    assert len(places) > 4
    assert torch.equal(scenes(seed=3).labels, scenes(seed=3).labels)


def test_noise_changes_the_image_and_not_the_labels():
    assert torch.equal(scenes(noise=1.0).labels, scenes().labels)
    assert abs(float((scenes(noise=1.0).images - scenes().images).std()) - 1.0) < 0.1


def test_bold_strokes_are_wider_on_every_side():
    assert int(bold(dots(1), 1).sum()) == 9
    assert int((scenes(boldness=1).labels[0] > 0).sum()) == 18
