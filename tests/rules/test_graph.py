from torch import Tensor, nn

from defib.analysis.inspection import inspect
from defib.records.architecture import OperationRecord
from defib.rules.graph import Graph


class Branching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = (nn.Linear(4, 4) for _ in range(3))
        self.dropout = nn.Dropout()

    def forward(self, features: Tensor) -> Tensor:
        hidden = self.first(features).unsqueeze(1)
        branch = self.second(self.dropout(hidden))
        self.third(hidden)  # leads nowhere
        return hidden + branch.relu()


def graph() -> Graph:
    return Graph(inspect(Branching(), (2, 4)))


def named(operations: tuple[OperationRecord, ...]) -> list[str]:
    return [each.kind.removeprefix("aten.") for each in operations]


def test_what_leads_nowhere_is_left_out():
    assert [each.layer for each in graph().products] == ["first", "second"]


def test_reshapes_and_dropouts_are_stepped_over():
    network = graph()
    first, second = network.products
    assert network.source(first) is None
    assert network.source(second) == first
    assert named(network.readers(first)) == ["addmm", "add"]
    assert named(network.readers(second)) == ["relu"]


def test_readers_of_a_dropout_come_after_it():
    network = graph()
    [dropout] = network.architecture.dropouts
    assert named(network.readers_of_dropout(dropout)) == ["addmm", "add"]


def test_the_output_is_known():
    network = graph()
    assert network.is_output(network.operations[-1].index)
    assert not network.is_output(network.products[0].index)


def test_weights_and_bias_of_a_transposed_product():
    network = graph()
    [first, _] = network.products
    assert [each.name for each in network.weights(first)] == ["first.weight"]
    bias = network.bias(first)
    assert bias is not None
    assert bias.name == "first.bias"


def test_products_behind_others():
    network = graph()
    first, second = network.products
    assert network.next_products(first) == (second,)
    assert network.next_products(second) == ()


def test_names_the_layer_or_the_weight_or_the_network():
    network = graph()
    assert network.label(network.products[0]) == "`first`"
    assert network.label(network.operations[-1]) == "`Branching` itself"
