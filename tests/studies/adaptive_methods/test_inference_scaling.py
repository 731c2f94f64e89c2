import torch
from torch import nn

from defib.studies.adaptive_methods.inference_scaling import (
    PublishedDropout,
    scaled_for_inference,
    with_published_dropout,
)

EXACT = 1e-14


def network() -> nn.Sequential:
    """In float64, with dropout of the input and of the hidden layer."""
    torch.manual_seed(0)
    layers = (nn.Dropout(0.2), nn.Linear(6, 9), nn.ReLU(), nn.Dropout(0.5), nn.Linear(9, 4))
    return nn.Sequential(*layers).double()


def test_weight_scaling_at_inference_equals_inverted_dropout():
    inverted, inputs = network(), torch.randn(20, 6, dtype=torch.float64)
    scaled = scaled_for_inference(with_published_dropout(inverted))
    assert not any(isinstance(each, nn.Dropout | PublishedDropout) for each in scaled)
    assert torch.allclose(scaled(inputs), inverted.eval()(inputs), rtol=0, atol=EXACT)


def test_with_the_same_masks_training_is_the_same():
    inverted, inputs = network(), torch.randn(20, 6, dtype=torch.float64)
    published = with_published_dropout(inverted)
    torch.manual_seed(1)
    expected = inverted.train()(inputs)
    torch.manual_seed(1)
    assert torch.allclose(published.train()(inputs), expected, rtol=0, atol=EXACT)


def test_without_the_scaling_the_outputs_are_others():
    inverted, inputs = network(), torch.randn(20, 6, dtype=torch.float64)
    unscaled = with_published_dropout(inverted).eval()
    assert not torch.allclose(unscaled(inputs), inverted.eval()(inputs), rtol=0, atol=0.01)


def test_the_network_itself_is_left_as_it_was():
    inverted = network()
    before = {name: each.clone() for name, each in inverted.state_dict().items()}
    scaled_for_inference(with_published_dropout(inverted))
    assert all(torch.equal(each, before[name]) for name, each in inverted.state_dict().items())


def test_published_dropout_drops_a_share_and_scales_nothing():
    torch.manual_seed(0)
    dropped = PublishedDropout(0.2)(torch.ones(10_000))
    assert sorted(set(dropped.tolist())) == [0.0, 1.0]
    assert abs(float(dropped.mean()) - 0.8) < 0.02
