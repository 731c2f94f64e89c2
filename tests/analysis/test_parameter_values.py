import pytest
import torch
from torch import Tensor, nn

from defib.analysis.inspection import inspect
from defib.records.architecture import ParameterValues

RANDOM = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))


class Holding(nn.Module):
    def __init__(self, tensor: Tensor) -> None:
        super().__init__()
        self.held = nn.Parameter(tensor)

    def forward(self, features: Tensor) -> Tensor:
        return features


def values_of(tensor: Tensor) -> ParameterValues | None:
    network = Holding(tensor)
    before = network.held.clone()
    [record] = inspect(network, (2, 3)).parameters
    torch.testing.assert_close(network.held, before, rtol=0, atol=0, equal_nan=True)
    return record.values


@pytest.mark.parametrize(
    ("tensor", "expected"),
    [
        (torch.zeros(4, 3), (0.0, True, True)),
        (torch.full((4, 3, 2), 0.5), (0.5, True, True)),
        (RANDOM, (None, False, False)),
        (RANDOM[:1].repeat(4, 1), (None, True, False)),
        (RANDOM[:, :1].repeat(1, 3), (None, False, True)),
        (torch.tensor(2.0), (2.0, True, True)),
        (torch.tensor([1.0, 2.0, 1.0]), (None, False, False)),
        (RANDOM.t(), (None, False, False)),
    ],
)
def test_constants_and_copies_are_seen(tensor: Tensor, expected: tuple[float | None, bool, bool]):
    assert values_of(tensor) == ParameterValues(*expected)


def test_one_element_that_differs_is_enough():
    tensor = torch.zeros(4, 3)
    tensor[2, 1] = 1e-30
    assert values_of(tensor) == ParameterValues(None, False, False)


def test_not_a_number_is_no_constant():
    assert values_of(torch.full((2, 2), torch.nan)) == ParameterValues(None, False, False)


def test_nothing_is_known_on_the_meta_device():
    with torch.device("meta"):
        [weight, bias] = inspect(nn.Linear(3, 2), (2, 3)).parameters
    assert (weight.values, bias.values) == (None, None)
