import pytest
import torch
from torch import Tensor, nn

from defib.analysis.inspection import inspect
from defib.records.finding import Finding, NotEvaluated, Severity
from defib.rules.initialization.unbroken_symmetry import UnbrokenSymmetry
from defib.rules.initialization.zero_initialization import ZeroInitialization

zero, symmetry = ZeroInitialization(), UnbrokenSymmetry()


def network(activation: nn.Module, **constants: float) -> nn.Sequential:
    """Two dense layers; `first`, `second` fill their weights, `bias` all biases."""
    torch.manual_seed(0)
    made = nn.Sequential(nn.Linear(3, 4), activation, nn.Linear(4, 2))
    for name, layer in (("first", made[0]), ("second", made[2])):
        if name in constants:
            nn.init.constant_(layer.weight, constants[name])
        if "bias" in constants:
            nn.init.constant_(layer.bias, constants["bias"])
    return made


def found(rule: ZeroInitialization | UnbrokenSymmetry, made: nn.Module) -> tuple[Finding, ...]:
    outcome = rule.evaluate_architecture(inspect(made, (5, 3)))
    assert not isinstance(outcome, NotEvaluated)
    return outcome


def gradient_of_first(made: nn.Sequential, steps: int = 3) -> Tensor:
    """Of the first layer's weights after some steps of descent."""
    optimizer = torch.optim.SGD(made.parameters(), lr=0.1)
    features, targets = torch.randn(64, 3), torch.randn(64, 2)
    for _ in range(steps):
        optimizer.zero_grad()
        (made(features) - targets).square().mean().backward()
        optimizer.step()
    assert made[0].weight.grad is not None
    return made[0].weight.grad


def test_zeros_before_a_relu_block_themselves():
    made = network(nn.ReLU(), first=0.0, bias=0.0)
    [finding] = found(zero, made)
    assert (finding.layer, finding.severity) == ("0", Severity.ERROR)
    assert "the layer blocks itself" in finding.message
    assert not gradient_of_first(made).any()


def test_zeros_in_all_layers_leave_the_units_alike():
    made = network(nn.Sigmoid(), first=0.0, second=0.0, bias=0.0)
    [finding] = found(zero, made)
    assert (finding.layer, finding.severity) == ("0", Severity.ERROR)
    gradient = gradient_of_first(made)
    assert gradient.any()
    assert torch.equal(gradient, gradient[:1].expand_as(gradient))


def test_a_last_layer_of_zeros_is_only_a_remark():
    [finding] = found(zero, network(nn.ReLU(), second=0.0))
    assert (finding.layer, finding.severity) == ("2", Severity.INFO)


def test_silent_where_the_layer_recovers():
    made = network(nn.Tanh(), first=0.0, bias=0.0)
    assert found(zero, made) == ()
    assert gradient_of_first(made).any()


def test_silent_where_positive_biases_keep_the_relu_alive():
    made = network(nn.ReLU(), first=0.0, bias=0.1)
    assert found(zero, made) == ()
    assert gradient_of_first(made).any()


def test_silent_at_any_other_number_and_at_random_weights():
    assert found(zero, network(nn.ReLU(), first=1e-30, bias=0.0)) == ()
    assert found(zero, network(nn.ReLU())) == ()


def test_silent_about_frozen_zeros():
    made = network(nn.ReLU(), first=0.0, bias=0.0)
    made[0].requires_grad_(False)
    assert found(zero, made) == ()


def test_constant_layers_remain_copies():
    made = network(nn.Tanh(), first=0.1, second=0.1, bias=0.0)
    [finding] = found(symmetry, made)
    assert (finding.layer, finding.severity) == ("0", Severity.ERROR)
    assert "weight 0.1" in finding.message
    gradient = gradient_of_first(made)
    assert torch.equal(gradient, gradient[:1].expand_as(gradient))


def test_random_readers_make_it_a_warning():
    made = network(nn.Tanh(), first=0.1, bias=0.0)
    [finding] = found(symmetry, made)
    assert finding.severity is Severity.WARNING
    gradient = gradient_of_first(made)
    assert not torch.equal(gradient, gradient[:1].expand_as(gradient))


def test_random_biases_make_it_a_warning():
    [finding] = found(symmetry, network(nn.Tanh(), first=0.1, second=0.1))
    assert finding.severity is Severity.WARNING


def test_equal_rows_are_enough():
    made = network(nn.Tanh())
    with torch.no_grad():
        made[0].weight.copy_(made[0].weight[:1].expand(4, 3))
    assert len(found(symmetry, made)) == 1
    with torch.no_grad():
        made[0].weight[2, 1] += 1e-6
    assert found(symmetry, made) == ()


def test_silent_on_zeros_which_another_rule_reports():
    assert found(symmetry, network(nn.Tanh(), first=0.0, second=0.0, bias=0.0)) == ()


def test_silent_on_the_last_layer_and_on_a_single_unit():
    assert found(symmetry, network(nn.Tanh(), second=0.1)) == ()
    single = nn.Sequential(nn.Linear(3, 1), nn.Tanh(), nn.Linear(1, 2))
    assert found(symmetry, single) == ()


class TakenAsItIs(nn.Module):
    """`x @ weight`: inputs along the first axis, units along the second."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight, self.head = nn.Parameter(weight), nn.Linear(4, 2)

    def forward(self, features: Tensor) -> Tensor:
        return self.head((features @ self.weight).tanh())


def test_units_of_a_product_lie_along_the_second_axis():
    assert len(found(symmetry, TakenAsItIs(torch.randn(3, 1).repeat(1, 4)))) == 1
    assert found(symmetry, TakenAsItIs(torch.randn(1, 4).repeat(3, 1))) == ()


@pytest.mark.parametrize("layer", [nn.Conv2d(3, 6, 3), nn.ConvTranspose2d(3, 6, 3)])
def test_units_of_convolutions_are_their_output_channels(layer: nn.Module):
    made = nn.Sequential(layer, nn.ReLU(), nn.Conv2d(6, 2, 1))
    axis = 1 if isinstance(layer, nn.ConvTranspose2d) else 0
    assert isinstance(layer.weight, nn.Parameter)
    with torch.no_grad():
        layer.weight.copy_(layer.weight.select(axis, 0).unsqueeze(axis).expand_as(layer.weight))
    assert len(symmetry.evaluate_architecture(inspect(made, (1, 3, 5, 5)))) == 1


def test_silent_about_equal_kernels_of_separate_channels():
    made = nn.Sequential(nn.Conv2d(4, 4, 3, groups=4), nn.ReLU(), nn.Conv2d(4, 2, 1))
    nn.init.constant_(made[0].weight, 1 / 9)
    assert symmetry.evaluate_architecture(inspect(made, (1, 4, 5, 5))) == ()


@pytest.mark.parametrize("rule", [zero, symmetry])
def test_not_evaluated_without_numbers(rule: ZeroInitialization | UnbrokenSymmetry):
    with torch.device("meta"):
        made = network(nn.ReLU())
    outcome = rule.evaluate_architecture(inspect(made, (5, 3)))
    assert outcome == NotEvaluated(rule.name(), "the weights have no numbers")
