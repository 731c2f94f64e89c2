import torch

from defib.networks.vision_transformer import VisionTransformer


def test_a_small_vision_transformer_scores_small_images():
    network = VisionTransformer(10, side=28, patch=7, width=16, layers=2, heads=2, hidden=32)
    assert network(torch.zeros(3, 3, 28, 28)).shape == (3, 10)


def test_the_place_of_a_patch_matters():
    torch.manual_seed(0)
    network = VisionTransformer(10, side=28, patch=7, width=16, layers=2, heads=2, hidden=32).eval()
    image = torch.randn(1, 3, 28, 28)
    moved = image.roll(7, dims=3)
    assert not torch.allclose(network(image), network(moved), atol=1e-5)
