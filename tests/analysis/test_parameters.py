"""Parameters: counted once, at the right layer, weights and biases apart."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from defib.analysis.inspection import inspect
from defib.records.architecture import Architecture, LayerRecord
from tests.analysis.arithmetic import written


def by_name(architecture: Architecture) -> dict[str, LayerRecord]:
    return {layer.name: layer for layer in architecture.layers if layer.call == 0}


def counted(architecture: Architecture) -> int:
    return sum(layer.weights.value + layer.biases.value for layer in architecture.layers)


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 4)
        self.head = nn.Linear(4, 11)
        self.head.weight = self.embedding.weight

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.embedding(tokens))


class Held(nn.Module):
    """Holds parameters itself, in a list, in an uncalled module, and one that nothing uses."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(4))
        self.b = nn.Parameter(torch.ones(3))
        self.matrices = nn.ParameterList([torch.zeros(3, 4)])
        self.lent = nn.Linear(3, 3, bias=False)
        self.idle = nn.Linear(5, 5)
        self.blocks = nn.ModuleList([nn.Linear(3, 3), nn.ReLU()])

    def forward(self, features: Tensor) -> Tensor:
        features = F.linear(features * self.scale, self.matrices[0], self.b)
        return self.blocks[0](features @ self.lent.weight)


class Repeated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, features: Tensor) -> Tensor:
        return self.layer(self.layer(features))


def frozen() -> nn.Module:
    network = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    return network[0].requires_grad_(False) and network


NETWORKS: list[tuple[Callable[[], nn.Module], tuple[int, ...]]] = [
    (Held, (2, 4)),
    (Repeated, (2, 4)),
    (lambda: nn.MultiheadAttention(4, 2), ((3, 2, 4),) * 3),
    (lambda: nn.TransformerEncoderLayer(4, 2, 8), (3, 2, 4)),
    (lambda: nn.LSTM(4, 5, num_layers=2, bidirectional=True), (3, 2, 4)),
    (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 5)), (2, 4)),
    (lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(4, 5)), (2, 4)),
    (lambda: nn.Sequential(nn.LazyLinear(5), nn.LazyBatchNorm1d()), (2, 4)),
    (lambda: nn.ConvTranspose2d(4, 6, 3, groups=2), (1, 4, 5, 5)),
]


@pytest.mark.parametrize(("build", "shape"), NETWORKS)
def test_total_is_that_of_torch(build: Callable[[], nn.Module], shape: tuple[int, ...]):
    torch.manual_seed(0)
    network = build()
    architecture = inspect(network, shape)
    if any(isinstance(each, nn.UninitializedParameter) for each in network.parameters()):
        assert counted(architecture) == 4 * 5 + 5 + 5 + 5
    else:
        assert counted(architecture) == sum(each.numel() for each in network.parameters())
    assert architecture.is_traced


def test_weights_and_biases_are_apart():
    [layer] = inspect(nn.Conv2d(3, 64, 3), (1, 3, 8, 8)).layers
    assert written(layer.weights.expression) == "(3*3*3)*64"
    assert (layer.weights.value, layer.biases.value) == (1728, 64)


def test_biases_of_attention_and_recurrence_are_biases():
    attention = inspect(nn.MultiheadAttention(4, 2), [(3, 2, 4)] * 3).layers[0]
    recurrence = inspect(nn.LSTM(4, 5), (3, 2, 4)).layers[0]
    assert attention.biases.value == 3 * 4 + 4
    assert recurrence.biases.value == 2 * 4 * 5


def test_a_bias_is_known_by_its_use():
    # `b`, and the bias of the layer that is never called.
    assert written(by_name(inspect(Held(), (2, 4)))[""].biases.expression) == "3 + 5"


def test_tied_weights_count_at_their_first_use():
    layers = by_name(inspect(Tied(), (2, 3), dtype=torch.long))
    assert written(layers["embedding"].weights.expression) == "11*4"
    assert layers["head"].weights.value == 0
    assert layers["head"].biases.value == 11
    assert layers["embedding"].is_shared
    assert layers["head"].is_shared


def test_records_name_the_tensor_that_is_shared():
    records = inspect(Tied(), (2, 3), dtype=torch.long).parameters
    assert [(each.name, each.shared_with) for each in records] == [
        ("embedding.weight", ""),
        ("head.weight", "embedding.weight"),
        ("head.bias", ""),
    ]


def test_a_layer_called_twice_counts_once_and_is_not_shared():
    layers = inspect(Repeated(), (2, 4)).layers[1:]
    assert [(each.call, each.weights.value, each.is_shared) for each in layers] == [
        (0, 16, False),
        (1, 0, False),
    ]


def test_frozen_layers_are_marked():
    layers = by_name(inspect(frozen(), (2, 4)))
    assert [layers[name].is_frozen for name in ("", "0", "1")] == [False, True, False]


def test_uncalled_module_with_used_parameters_counts_around_it():
    layer = inspect(nn.MultiheadAttention(4, 2, bias=False), [(3, 2, 4)] * 3).layers[0]
    assert layer.weights.value == 3 * 4 * 4 + 4 * 4


def test_unused_parameters_and_uncalled_modules_are_told():
    architecture = inspect(Held(), (2, 4))
    unused = [each.name for each in architecture.parameters if not each.is_used]
    assert unused == ["idle.weight", "idle.bias"]
    assert architecture.uncalled == ("idle", "blocks.1")
    assert architecture.notes == (
        "`idle` is never called in evaluation mode; its 30 parameters count at the layer "
        "around it.",
    )


def test_a_module_list_that_is_never_called_is_named_as_a_whole():
    network = nn.Sequential(nn.Linear(2, 2))
    network[0].extra = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])
    assert inspect(network, (1, 2)).uncalled == ("0.extra",)
