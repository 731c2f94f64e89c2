"""From runs without numbers to runs with them, and what is told about it."""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from defib.analysis.inspection import inspect


class Branching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.positive = nn.Linear(3, 4)
        self.negative = nn.Linear(3, 5)

    def forward(self, features: Tensor) -> Tensor:
        return self.positive(features) if features.sum() > 0 else self.negative(features)


class Selecting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 4)

    def forward(self, features: Tensor) -> Tensor:
        return self.layer(features[features[:, 0] > 0])


class Scaling(nn.Module):
    """Asks for the value of a constant only."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 4)

    def forward(self, features: Tensor) -> Tensor:
        factor = torch.full([], 4.0, device=features.device) ** 0.5
        return self.layer(features) / factor.item()


class Packing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.LSTM(4, 5)

    def forward(self, features: Tensor) -> Tensor:
        packed = pack_padded_sequence(features, torch.tensor([3, 2]))
        return self.layer(packed)[0].data


def test_network_that_asks_for_nothing_has_no_note():
    assert inspect(nn.Linear(3, 4), (2, 3)).notes == ()


def test_branch_is_that_of_the_given_values():
    architecture = inspect(Branching(), -torch.ones(2, 3))
    assert [layer.name for layer in architecture.layers] == ["", "negative"]
    assert "what depends on values holds for these inputs only" in architecture.notes[0]
    assert architecture.uncalled == ("positive",)


def test_sizes_that_depend_on_values_are_counted_with_them():
    given = torch.tensor([[1.0, 0, 0], [-1, 0, 0], [1, 0, 0]])
    architecture = inspect(Selecting(), given)
    assert architecture.outputs[0].dimensions == (2, 4)
    assert architecture.layers[1].macs.value == 2 * 12


def test_given_values_are_not_written_to():
    class Writing(nn.Module):
        def forward(self, features: Tensor) -> Tensor:
            return features.add_(1) if features.sum() > 0 else features

    given = torch.ones(2, 3)
    inspect(Writing(), given)
    assert torch.equal(given, torch.ones(2, 3))


def test_packed_sequences_have_as_many_steps_as_elements():
    architecture = inspect(Packing(), (3, 2, 4))
    assert architecture.is_traced
    lstm = architecture.layers[1]
    assert lstm.macs.value == 5 * (4 * 20 + 5 * 20)


def test_value_of_a_constant_is_known():
    architecture = inspect(Scaling(), (2, 3))
    assert architecture.is_traced
    assert architecture.layers[1].macs.value == 2 * 12


def test_network_without_numbers_says_that_it_needs_them():
    with torch.device("meta"):
        network = Branching()
    architecture = inspect(network, (2, 3))
    assert not architecture.is_traced
    assert "cannot be called on meta tensors" in architecture.notes[0]
