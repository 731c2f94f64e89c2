"""Where tools that count disagree: who is right, by brute force or by hand.

Every disagreement has a test of ours, which needs nothing else installed, and one that shows the
number of each peer in the version named, which is skipped where that peer is not installed.
"""

import itertools
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from defib.analysis.inspection import inspect
from defib.records.architecture import Exactness
from tests.analysis.optional_packages import optional

# Warnings of the peers' own code are not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore")

POSITIONS = (1, 10, 16)
"""Batch, positions, features."""


def macs(network: nn.Module, *shape: int) -> int:
    return sum(layer.macs.value for layer in inspect(network, shape).layers)


def parameters(network: nn.Module, *shape: int) -> int:
    layers = inspect(network, shape).layers
    return sum(layer.weights.value + layer.biases.value for layer in layers)


# -- the peers, each in its own convention -------------------------------------------------------


def peer(name: str, known: str) -> Any:
    package = optional(name)
    if version(name) != known:
        pytest.skip(f"its numbers were looked at in {name} {known}, this is {version(name)}")
    return package


def torchinfo(network: nn.Module, *shape: int) -> tuple[int, int]:
    summary = peer("torchinfo", "1.8.0").summary(network, shape, device="cpu", verbose=0)
    return summary.total_params, summary.total_mult_adds


def thop(network: nn.Module, *shape: int) -> tuple[int, int]:
    package = peer("thop", "0.1.1-2209072238")
    products, weights = package.profile(network, (torch.zeros(shape),), verbose=False)
    return int(weights), int(products)


def fvcore(network: nn.Module, *shape: int) -> tuple[int, int]:
    peer("fvcore", "0.1.5.post20221221")
    counting = optional("fvcore.nn")
    analysis = counting.FlopCountAnalysis(network, torch.zeros(shape))
    analysis.unsupported_ops_warnings(False)
    return counting.parameter_count(network)[""], int(analysis.total())


def calflops(network: nn.Module, *shape: int) -> tuple[int, int]:
    _, products, weights = peer("calflops", "0.3.2").calculate_flops(
        network,
        args=[torch.zeros(shape)],
        kwargs={},
        output_as_string=False,
        print_results=False,
    )
    return weights, int(products)


def torchscan(network: nn.Module, *shape: int) -> tuple[int, int]:
    report = peer("torchscan", "0.2.0").crawl_module(network, args=(torch.zeros(shape),))
    totals = report["totals"]
    return totals["parameters"]["value"], totals["macs"]["known_value"]


def torchlens_trace(network: nn.Module, *shape: int) -> Any:
    log = peer("torchlens", "2.36.1").trace(network, torch.zeros(shape))
    # It replaces the functions of torch, for all tests that follow.
    optional("torchlens.backends.torch.wrappers").unwrap_torch()
    return log


def torchlens(network: nn.Module, *shape: int) -> tuple[int, int]:
    log = torchlens_trace(network, *shape)
    return log.num_params, int(log.total_macs_forward)


def flop_counter(network: nn.Module, *shape: int) -> tuple[None, int]:
    """Half of the FLOPs that torch 2.13 counts on the processor."""
    if not torch.__version__.startswith("2.13"):
        pytest.skip(f"its numbers were looked at in torch 2.13, this is {torch.__version__}")
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(shape))
    return None, counter.get_total_flops() // 2


Peer = Callable[..., tuple[int | None, int]]


# -- transposed convolutions ---------------------------------------------------------------------


def transposed_taps(
    features: Tensor, weight: Tensor, stride: int, groups: int
) -> tuple[int, Tensor]:
    """Every product of a transposed convolution, one by one: how many, and their sums."""
    channels, height, width = features.shape
    _, outputs, kernel, _ = weight.shape
    sums = torch.zeros(
        outputs * groups, (height - 1) * stride + kernel, (width - 1) * stride + kernel
    )
    count = 0
    for channel, row, column in itertools.product(range(channels), range(height), range(width)):
        group = channel // (channels // groups)
        for output, down, right in itertools.product(range(outputs), range(kernel), range(kernel)):
            place = (group * outputs + output, row * stride + down, column * stride + right)
            sums[place] += features[channel, row, column] * weight[channel, output, down, right]
            count += 1
    return count, sums


def transposed(groups: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(8, 8, 3, stride=2, groups=groups, bias=False)


@pytest.mark.parametrize(("groups", "products"), [(1, 14_400), (4, 3_600)])
def test_a_transposed_convolution_multiplies_at_each_position_of_its_input(
    groups: int, products: int
):
    layer, features = transposed(groups), torch.randn(1, 8, 5, 5)
    with torch.no_grad():
        count, sums = transposed_taps(features[0], layer.weight, 2, groups)
        torch.testing.assert_close(sums, layer(features)[0])
    assert macs(layer, 1, 8, 5, 5) == count == products


@pytest.mark.parametrize(
    ("count", "products"),
    [(torchinfo, 17_424), (thop, 17_424), (torchscan, 17_432), (calflops, 0)],
)
def test_peers_multiply_at_each_position_of_its_output_or_nowhere(count: Peer, products: int):
    assert count(transposed(4), 1, 8, 5, 5)[1] == products != 3_600


def test_the_backward_pass_of_a_convolution_in_groups_is_overcounted_by_torch():
    """Each product of the forward pass comes back twice: for the weight and for the input."""
    layer, features = transposed(4), torch.randn(1, 8, 5, 5, requires_grad=True)
    products, _ = transposed_taps(features[0].detach(), layer.weight.detach(), 2, 4)
    flop_counter(layer, 1, 8, 5, 5)
    result = layer(features).sum()
    with FlopCounterMode(display=False) as counter:
        result.backward()
    assert counter.get_total_flops() // 2 == 5 * products
    assert macs(layer, 1, 8, 5, 5) == flop_counter(layer, 1, 8, 5, 5)[1] == products


# -- convolutions --------------------------------------------------------------------------------


def same() -> nn.Conv2d:
    return nn.Conv2d(3, 8, 4, padding="same", bias=False)


def test_padding_same_keeps_every_position():
    """4·4·3·8 products at each of the 5·5 positions that it keeps."""
    assert same()(torch.zeros(1, 3, 5, 5)).shape == (1, 8, 5, 5)
    assert macs(same(), 1, 3, 5, 5) == 4 * 4 * 3 * 8 * 5 * 5


@pytest.mark.parametrize(("count", "products"), [(fvcore, 0), (calflops, 4 * 4 * 3 * 8 * 4 * 4)])
def test_peers_lose_positions_or_all_of_padding_same(count: Peer, products: int):
    assert count(same(), 1, 3, 5, 5)[1] == products


def normalised() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)).eval()


def test_biases_and_normalisations_are_no_products_of_matrices():
    """3·3·3·8 for each of 3·3 positions, and nothing else."""
    assert macs(normalised(), 1, 3, 5, 5) == 3 * 3 * 3 * 8 * 9


@pytest.mark.parametrize(
    ("count", "more"),
    [
        (torchinfo, 8 * 9 + 2 * 8),  # a bias at each position, two parameters a channel once
        (thop, 4 * 8 * 9),  # four for each normalised element
        (fvcore, 2 * 8 * 9),  # two for each
    ],
)
def test_peers_add_biases_or_normalisations(count: Peer, more: int):
    assert count(normalised(), 1, 3, 5, 5)[1] == 3 * 3 * 3 * 8 * 9 + more


# -- products that are not modules of their own --------------------------------------------------


class FunctionalLinear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(8, 16))

    def forward(self, features: Tensor) -> Tensor:
        return F.linear(features, self.weight)


class Attention(nn.Module):
    """Four heads of queries of width 4, two of keys that also serve as values."""

    def __init__(self) -> None:
        super().__init__()
        self.queries = nn.Linear(16, 16, bias=False)
        self.keys = nn.Linear(16, 8, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        queries, keys = (
            layer(features).unflatten(-1, (-1, 4)).transpose(1, 2)
            for layer in (self.queries, self.keys)
        )
        return F.scaled_dot_product_attention(queries, keys, keys, enable_gqa=True)


class MultiHeadAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(16, 2, bias=False, batch_first=True)

    def forward(self, features: Tensor) -> Tensor:
        return self.attention(features, features, features, need_weights=False)[0]


PROJECTIONS = 16 * 16 * 10 + 16 * 8 * 10
ATTENTION = 4 * 10 * 10 * 4 + 4 * 10 * 10 * 4
"""Heads · queries · keys · width for the scores, and again for the mixtures."""


def test_a_linear_layer_runs_at_each_position():
    assert macs(nn.Linear(16, 8, bias=False), *POSITIONS) == 16 * 8 * 10


def test_torchinfo_counts_one_position_of_a_linear_layer():
    assert torchinfo(nn.Linear(16, 8, bias=False), *POSITIONS)[1] == 16 * 8


def test_functions_count_like_modules():
    network = FunctionalLinear()
    assert macs(network, *POSITIONS) == macs(nn.Linear(16, 8, bias=False), *POSITIONS)
    assert parameters(network, *POSITIONS) == 16 * 8


@pytest.mark.parametrize(("count", "found"), [(thop, (0, 0)), (torchscan, (128, 0))])
def test_peers_miss_functions_or_their_parameters(count: Peer, found: tuple[int, int]):
    assert count(FunctionalLinear(), *POSITIONS) == found


def test_fused_attention_multiplies_as_its_parts_do():
    """Written out with `einsum`: the same result, and as many products as the sums have terms."""
    network, features = Attention().eval(), torch.randn(POSITIONS)
    queries = network.queries(features).view(1, 10, 4, 4)
    keys = network.keys(features).view(1, 10, 2, 4).repeat_interleave(2, dim=2)
    scores = torch.einsum("bqhw,bkhw->bhqk", queries, keys) / 2
    mixtures = torch.einsum("bhqk,bkhw->bhqw", scores.softmax(-1), keys)
    torch.testing.assert_close(network(features), mixtures)
    assert macs(network, *POSITIONS) == PROJECTIONS + scores.numel() * 4 + mixtures.numel() * 10
    assert macs(network, *POSITIONS) == PROJECTIONS + ATTENTION


@pytest.mark.parametrize("count", [fvcore, calflops, thop, torchscan, flop_counter])
def test_peers_miss_fused_attention(count: Peer):
    assert count(Attention().eval(), *POSITIONS)[1] == PROJECTIONS


def test_multi_head_attention_has_four_projections():
    """Three in and one out, of 16·16 at 10 positions; scores and mixtures of 2 heads of 8."""
    expected = 4 * 16 * 16 * 10 + 2 * (2 * 10 * 10 * 8)
    assert macs(MultiHeadAttention(), *POSITIONS) == expected


@pytest.mark.parametrize(
    ("count", "products"), [(torchinfo, 0), (thop, 0), (torchscan, 0), (fvcore, 4 * 16 * 16 * 10)]
)
def test_peers_miss_multi_head_attention_or_its_scores(count: Peer, products: int):
    assert count(MultiHeadAttention().eval(), *POSITIONS)[1] == products


def recurrent() -> nn.LSTM:
    return nn.LSTM(16, 8, bias=False, batch_first=True)


def test_a_recurrent_layer_multiplies_two_matrices_for_each_gate_and_step():
    assert macs(recurrent(), *POSITIONS) == 10 * 4 * (16 * 8 + 8 * 8)


@pytest.mark.parametrize("count", [flop_counter, fvcore, calflops, torchscan, torchlens])
def test_peers_miss_recurrent_layers(count: Peer):
    assert count(recurrent(), *POSITIONS)[1] == 0


# -- parameters ----------------------------------------------------------------------------------


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(16, 16, bias=False)
        self.decoder = nn.Linear(16, 16, bias=False)
        self.decoder.weight = self.encoder.weight

    def forward(self, features: Tensor) -> Tensor:
        return self.decoder(self.encoder(features))


class PartlyUsed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.used = nn.Linear(16, 16, bias=False)
        self.unused = nn.Linear(16, 99, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        return self.used(features)


def test_tied_weights_are_one_matrix():
    assert len(list(Tied().parameters())) == 1
    assert parameters(Tied(), 1, 16) == 16 * 16
    assert macs(Tied(), 1, 16) == 2 * 16 * 16


@pytest.mark.parametrize("count", [torchinfo, thop])
def test_peers_count_tied_weights_twice(count: Peer):
    assert count(Tied(), 1, 16)[0] == 2 * 16 * 16


def test_parameters_without_use_are_parameters():
    assert parameters(PartlyUsed(), 1, 16) == 16 * 16 + 16 * 99


def test_thop_leaves_out_parameters_without_use():
    assert thop(PartlyUsed(), 1, 16)[0] == 16 * 16


# -- receptive fields ----------------------------------------------------------------------------


def dilated() -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(1, 1, 3, bias=False), nn.Conv2d(1, 1, 3, dilation=2, bias=False)),
        *(nn.AvgPool2d(2), nn.Conv2d(1, 1, 3, bias=False)),
    )


class Skip(nn.Module):
    """A U-Net of one level."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 1, 3, padding=1, bias=False)
        self.second = nn.Conv2d(1, 1, 3, padding=1, bias=False)
        self.up = nn.ConvTranspose2d(1, 1, 2, stride=2, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        features = self.first(image)
        below = self.second(F.avg_pool2d(features, 2))
        return torch.cat([features, self.up(below)], dim=1)


def extent_by_gradient(network: nn.Module, side: int, position: int) -> int:
    """The rows on which one output depends, with weights that cannot cancel."""
    for weight in network.parameters():
        nn.init.ones_(weight)
    image = torch.zeros(1, 1, side, side, requires_grad=True)
    network(image)[0, :, position, position].sum().backward()
    assert image.grad is not None
    rows = image.grad[0, 0].nonzero()[:, 0]
    return int(rows.max() - rows.min()) + 1


@pytest.mark.parametrize(
    ("build", "positions", "size"), [(dilated, (4, 5), 12), (Skip, (14, 15), 8)]
)
def test_a_receptive_field_is_what_an_output_far_from_the_border_depends_on(
    build: Callable[[], nn.Module], positions: tuple[int, ...], size: int
):
    extents = {extent_by_gradient(build(), 30, position) for position in positions}
    field = inspect(build(), (1, 1, 30, 30)).layers[0].receptive_field
    assert field is not None
    assert {axis.size for axis in field.axes} == extents == {size}
    assert field.exactness is Exactness.EXACT


def test_torchlens_bounds_the_receptive_field_of_a_concatenation():
    log = torchlens_trace(Skip(), 1, 1, 30, 30)
    assert list(log.layers)[-1].receptive_field.size == (9, 9)


def test_torchscan_gives_the_kernel_of_the_last_layer_for_its_receptive_field():
    package = peer("torchscan", "0.2.0")
    layers = package.crawl_module(dilated(), args=(torch.zeros(1, 1, 30, 30),))["layers"]
    assert layers[-1]["metrics"]["receptive_field"]["value"] == 3
