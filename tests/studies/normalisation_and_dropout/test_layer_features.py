import torch
from torch import Tensor, nn

from defib.studies.normalisation_and_dropout.layer_features import (
    by_channel,
    features_by_layer,
    set_modes,
)


def small_network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))


def test_the_last_features_are_the_outputs():
    network, inputs = small_network().eval(), torch.randn(5, 3)
    features = features_by_layer(network, inputs)
    assert list(features) == ["input", "0", "1", "2", "3"]
    assert torch.equal(features["input"], inputs)
    assert torch.equal(features["3"], network(inputs))


def test_what_is_changed_goes_on_to_the_next_layer():
    def zero(name: str, features: Tensor) -> Tensor:
        return 0 * features if name == "2" else features

    network = small_network().eval()
    scores = features_by_layer(network, torch.randn(5, 3), zero)["3"]
    bias = network.get_parameter("3.bias")
    assert torch.equal(scores, bias.detach().expand(5, 2))


def test_batch_normalisation_and_dropout_have_modes_of_their_own():
    network = small_network()
    set_modes(network, batch_statistics=True, dropout=False)
    assert [each.training for each in network] == [False, True, False, False]
    set_modes(network, batch_statistics=False, dropout=True)
    assert [each.training for each in network] == [False, False, True, False]


def test_a_channel_has_all_its_places():
    maps = torch.arange(24.0).reshape(2, 3, 2, 2)
    assert by_channel(maps).shape == (3, 8)
    assert by_channel(maps)[1].tolist() == [4, 5, 6, 7, 16, 17, 18, 19]
