import torch

from defib.networks.unet import UNet


def test_padding_keeps_the_size_of_the_image():
    with torch.device("meta"):
        network = UNet(3, 5, width=4, depth=3, padding=1)
    assert network(torch.empty(1, 3, 48, 64, device="meta")).shape == (1, 5, 48, 64)


def test_depth_zero_is_two_convolutions_and_a_head():
    with torch.device("meta"):
        network = UNet(width=4, depth=0)
    assert network(torch.empty(1, 1, 20, 20, device="meta")).shape == (1, 2, 16, 16)


def test_crops_lie_in_the_middle():
    # With only the skip left, every output sees the pixels around its own place.
    network = UNet(width=2, depth=1).eval()
    for upsampling in network.upsamplings:
        torch.nn.init.zeros_(upsampling.weight)
    for parameter in network.parameters():
        parameter.data.abs_()
    image = torch.zeros(1, 1, 28, 28, requires_grad=True)
    scores = network(image)
    assert scores.shape[-2:] == (12, 12)
    scores[0, 0, 5, 5].backward()
    assert image.grad is not None
    seen = image.grad[0, 0].sum(dim=0).nonzero().flatten()
    assert seen.tolist() == list(range(5 + 8 - 4, 5 + 8 + 5))
