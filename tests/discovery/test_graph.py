from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from defib.discovery.graph import Graph, read_graph


def graph_of(model: nn.Module, loss: Tensor) -> Graph:
    layers = {id(p): name.rpartition(".")[0] for name, p in model.named_parameters()}
    return read_graph(loss.grad_fn, layers)


def names(graph: Graph) -> list[str]:
    return [use.layer for use in graph.layers]


class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 5), nn.Linear(5, 3)
        self.unused = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(F.relu(self.first(x)))


def test_layers_come_in_the_order_of_the_forward_pass():
    model = Functional()
    assert names(graph_of(model, model(torch.randn(2, 4)).sum())) == ["first", "second"]


def test_functional_activation_belongs_to_the_layer_before_it():
    model = Functional()
    [use] = graph_of(model, model(torch.randn(2, 4)).sum()).activations
    assert (use.kind, use.layer) == ("relu", "first")


def test_activation_values_are_those_of_the_forward_pass():
    model, x = Functional(), torch.randn(2, 4)
    [use] = graph_of(model, model(x).sum()).activations
    saved = use.saved()
    assert saved is not None
    assert torch.equal(saved, F.relu(model.first(x)))


def test_in_place_activation_is_seen():
    model = nn.Sequential(nn.Linear(4, 5), nn.ReLU(inplace=True), nn.Linear(5, 1))
    [use] = graph_of(model, model(torch.randn(2, 4)).sum()).activations
    assert (use.kind, use.layer) == ("relu", "0")


def test_only_the_first_layer_reads_the_input():
    model = Functional()
    graph = graph_of(model, model(torch.randn(2, 4)).sum())
    assert [use.reads_input for use in graph.layers] == [True, False]


def test_last_layer_feeds_the_loss():
    model = Functional()
    graph = graph_of(model, F.cross_entropy(model(torch.randn(2, 4)), torch.tensor([0, 1])))
    assert graph.last_layers == {"second"}


def test_unused_parameters_are_not_reached():
    model = Functional()
    graph = graph_of(model, model(torch.randn(2, 4)).sum())
    assert id(model.first.weight) in graph.reached
    assert id(model.unused.weight) not in graph.reached


def test_detached_part_is_not_reached():
    model = Functional()
    loss = model.second(model.first(torch.randn(2, 4)).detach()).sum()
    assert id(model.first.weight) not in graph_of(model, loss).reached


def test_units_of_convolutions_lie_on_axis_one():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
    [use] = graph_of(model, model(torch.randn(2, 3, 5, 5)).sum()).activations
    assert (use.layer, use.channels_first) == ("1", True)


def test_activation_after_pooling_of_a_convolution_belongs_to_it():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(2), nn.Tanh(), nn.Flatten())
    [use] = graph_of(model, model(torch.randn(2, 3, 6, 6)).sum()).activations
    assert (use.kind, use.layer) == ("tanh", "0")


JOINED: list[Callable[[Tensor], Tensor]] = [
    lambda x: x.pow(2).sum(1),
    lambda x: x.mean(-1) - 1,
    lambda x: x.norm(dim=1),
    lambda x: 1 - x.sum(),
]
KEPT: list[Callable[[Tensor], Tensor]] = [
    lambda x: x.mean(0),
    lambda x: x - x.mean(1, keepdim=True),
    lambda x: x.unsqueeze(1).expand(-1, 3, -1).sum(1),
]


@pytest.mark.parametrize(
    ("reduce", "layer"), [*((each, "") for each in JOINED), *((each, "0") for each in KEPT)]
)
def test_an_activation_behind_a_reduction_is_the_layers_where_its_units_are_kept(
    reduce: Callable[[Tensor], Tensor], layer: str
):
    model = nn.Sequential(nn.Linear(4, 5))
    [use] = graph_of(model, F.relu(reduce(model(torch.randn(2, 4)))).sum()).activations
    assert use.layer == layer


def test_an_activation_behind_global_pooling_by_mean_belongs_to_the_convolution():
    model = nn.Sequential(nn.Conv2d(3, 4, 3))
    pooled = model(torch.randn(2, 3, 6, 6)).mean([2, 3])
    [use] = graph_of(model, F.relu(pooled).sum()).activations
    assert use.layer == "0"


def test_residual_sum_belongs_to_the_deeper_branch():
    model = Functional()
    x = torch.randn(2, 4)
    hidden = model.first(x)
    loss = F.relu(hidden[:, :3] + model.second(torch.tanh(hidden))).sum()
    assert graph_of(model, loss).activations[-1].layer == "second"


def test_transformer_is_read_without_gaps():
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    graph = graph_of(layer, layer(torch.randn(2, 3, 8)).sum())
    reached = {id(p) for p in layer.parameters()}
    assert reached <= graph.reached
    assert ("relu", "linear1") in [(use.kind, use.layer) for use in graph.activations]


def test_a_long_chain_does_not_recurse():
    x = torch.ones(1, requires_grad=True)
    loss = x
    for _ in range(20_000):
        loss = loss + 1
    assert len(read_graph(loss.grad_fn, {}).nodes) == 20_001


def test_units_move_with_a_permutation_of_the_axes():
    model = nn.Sequential(nn.Conv2d(3, 4, 3))
    images = model(torch.randn(2, 3, 5, 5))
    for moved in (images.permute(0, 2, 3, 1), images.movedim(1, -1), images.transpose(1, -1)):
        [use] = graph_of(model, F.relu(moved + 1).sum()).activations
        assert not use.channels_first
        [use] = graph_of(model, F.relu(moved.transpose(1, -1)).sum()).activations
        assert use.channels_first


def test_sigmoid_that_scales_another_value_is_no_activation():
    model = Functional()
    hidden = model.first(torch.randn(2, 4))
    loss = (torch.sigmoid(hidden) * torch.tanh(hidden)).sum()
    assert [use.kind for use in graph_of(model, loss).activations] == ["tanh"]


def test_sigmoid_that_is_also_used_otherwise_is_an_activation():
    model = Functional()
    hidden = torch.sigmoid(model.first(torch.randn(2, 4)))
    loss = (hidden * hidden.mean(0, keepdim=True)).sum()
    assert [use.kind for use in graph_of(model, loss).activations] == ["sigmoid"]


def test_penalty_on_a_parameter_is_no_use_of_its_layer():
    model = Functional()
    penalty = 0.1 * model.first.weight.square().sum() + model.first.weight.abs().mean()
    graph = graph_of(model, model(torch.randn(2, 4)).sum() + penalty)
    assert names(graph) == ["first", "second"]
    assert graph.last_layers == {"second"}


def sources(*layers: nn.Module, inputs: tuple[int, ...] = (2, 4)) -> dict[str, str]:
    model = nn.Sequential(*layers)
    return graph_of(model, model(torch.randn(*inputs)).sum()).linear_sources


def test_layers_with_nothing_between_them_are_a_linear_pair():
    assert sources(nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)) == {"1": "0", "2": "1"}


def test_reshapes_dropout_and_scales_between_two_layers_are_linear():
    layers = nn.Linear(4, 6), nn.Dropout(0.5), nn.Unflatten(1, (1, 6)), nn.Linear(6, 2)
    assert sources(*layers) == {"3": "0"}


def test_convolutions_and_a_dense_layer_behind_them_are_linear_pairs():
    layers = nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 3), nn.Flatten(), nn.Linear(8, 1)
    assert sources(*layers, inputs=(3, 1, 6, 6)) == {"1": "0", "3": "1"}


def test_a_non_linearity_a_norm_or_a_pooling_parts_two_layers():
    assert sources(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2)) == {}
    assert sources(nn.Linear(4, 4), nn.LayerNorm(4), nn.Linear(4, 2)) == {}
    pooled = nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.Conv2d(2, 2, 1)
    assert sources(*pooled, inputs=(3, 1, 6, 6)) == {}


def test_separable_convolutions_are_no_linear_pair():
    layers = nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d(4, 8, 1)
    assert sources(*layers, inputs=(2, 4, 5, 5)) == {}


class Parallel(nn.Module):
    """The first layer is read twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.first(x)
        return hidden + self.second(hidden)


def test_a_layer_that_is_read_elsewhere_too_is_in_no_linear_pair():
    model = Parallel()
    assert graph_of(model, model(torch.randn(2, 4)).sum()).linear_sources == {}


def test_attention_holds_no_linear_pair():
    model = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)
    assert graph_of(model, model(torch.randn(2, 5, 8)).sum()).linear_sources == {}
