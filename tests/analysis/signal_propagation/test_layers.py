import pytest
import torch
import torch.nn.functional as F
from torch import nn

from defib.analysis.signal_propagation.layers import find_layers, weight_scale


def test_finds_modules_with_weights_and_no_activations():
    model = nn.Sequential(nn.Linear(2, 3), nn.PReLU(), nn.Sequential(nn.BatchNorm1d(3)), nn.ReLU())
    assert list(find_layers(model)) == ["0", "2.0"]


def test_attention_is_one_layer():
    assert list(find_layers(nn.TransformerEncoderLayer(8, 2, 16))) == [
        "self_attn",
        "linear1",
        "linear2",
        "norm1",
        "norm2",
    ]


def test_shared_layer_is_found_once_and_a_bare_one_is_named_by_its_class():
    shared = nn.Linear(2, 2)
    assert list(find_layers(nn.Sequential(shared, shared))) == ["0"]
    assert list(find_layers(shared)) == ["linear"]


def test_weight_norm_is_seen_through():
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(4, 4))
    assert list(find_layers(nn.Sequential(layer))) == ["0"]


CONVOLUTIONS = [
    nn.Conv1d(4, 6, 3, padding=1),
    nn.Conv1d(4, 6, 5, stride=2, groups=2),
    nn.Conv1d(4, 6, 4, padding="same", dilation=2),
    nn.ConvTranspose1d(4, 6, 4, stride=2, padding=1),
    nn.ConvTranspose1d(4, 6, 3, groups=2, output_padding=0),
]


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("layer", CONVOLUTIONS, ids=str)
def test_mean_fans_are_those_of_a_layer_of_ones(layer: nn.Module):
    x = torch.ones(1, 4, 11, requires_grad=True)
    ones = {"weight": torch.ones_like(layer.weight), "bias": torch.zeros(6)}
    y = torch.func.functional_call(layer, ones, x)
    [slope] = torch.autograd.grad(y.sum(), x)
    scale = weight_scale(layer, x, y)
    assert scale is not None
    assert scale.mean_fan_in == pytest.approx(y.mean().item())
    assert scale.mean_fan_out == pytest.approx(slope.mean().item())


def test_fan_in_is_torchs_for_a_convolution():
    layer = nn.Conv2d(4, 6, 3, padding=1, padding_mode="circular")
    x = torch.zeros(1, 4, 5, 5)
    scale = weight_scale(layer, x, layer(x))
    assert scale is not None
    assert (scale.fan_in, scale.mean_fan_in, scale.mean_fan_out) == (36, 36, 54)


def test_fan_in_of_a_transposed_convolution_is_what_an_inner_output_sums():
    layer = nn.ConvTranspose1d(4, 6, 4, stride=2)
    y = F.conv_transpose1d(torch.ones(1, 4, 9), torch.ones_like(layer.weight), None, 2)
    scale = weight_scale(layer, torch.ones(1, 4, 9), y)
    assert scale is not None
    assert scale.fan_in == y[0, 0, 8]


def test_no_theory_for_normalisation():
    assert weight_scale(nn.LayerNorm(3), torch.zeros(2, 3), torch.zeros(2, 3)) is None
