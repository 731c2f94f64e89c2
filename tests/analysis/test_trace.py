"""The three views of one run: operators, functions, module calls, joined by values."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from defib.analysis.model_copy import meta_copy
from defib.analysis.trace import NETWORK_INPUT, Trace, trace


def traced(network: nn.Module, *shapes: tuple[int, ...]) -> Trace:
    result = trace(meta_copy(network), [torch.empty(each, device="meta") for each in shapes])
    assert result.failure is None
    return result


class Applied(nn.Module):
    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, *tensors: Tensor) -> Any:
        return self.function(*tensors)


def test_operators_belong_to_the_innermost_module():
    result = traced(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), (2, 3))
    owners = [(each.name, result.calls[each.call].name) for each in result.operations]
    assert owners[:3] == [("t", "0"), ("addmm", "0"), ("relu", "1")]


def test_functions_have_the_arguments_that_the_code_wrote():
    def convolved(image: Tensor, kernel: Tensor) -> Tensor:
        return F.conv2d(image, kernel, stride=2, groups=1)

    result = traced(Applied(convolved), (1, 3, 8, 8), (4, 3, 3, 3))
    [call] = result.functions
    assert call.name == "conv2d"
    assert call.arguments == result.inputs
    assert call.keywords == {"stride": 2, "groups": 1}
    assert [each.function for each in result.operations] == [call.index]


def test_modules_called_inside_a_function_are_not_part_of_it():
    layer = nn.Linear(3, 3)

    class Inside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, features: Tensor) -> Tensor:
            return torch.stack([self.layer(features), features])

    result = traced(Inside(), (2, 3))
    names = [result.functions[each.function].name for each in result.operations]
    assert names == ["linear", "linear", "stack"]


def test_values_are_joined_from_input_to_output():
    result = traced(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), (2, 3))
    product = next(each for each in result.operations if each.name == "addmm")
    assert product.inputs[1] is result.inputs[0]
    assert result.outputs[0].producer == next(
        each.index for each in result.operations if each.name == "relu"
    )
    assert result.inputs[0].producer == NETWORK_INPUT
    assert result.inputs[0].is_input


def test_parameters_keep_their_names():
    result = traced(nn.Sequential(nn.Linear(3, 4)), (2, 3))
    names = {value.parameter for each in result.operations for value in each.inputs}
    assert names == {"", "0.weight", "0.bias"}


def test_lazy_parameters_have_names_after_their_first_call():
    result = traced(nn.Sequential(nn.LazyLinear(4)), (2, 3))
    names = {value.parameter for each in result.operations for value in each.inputs}
    assert {"0.weight", "0.bias"} <= names


def test_writing_in_place_makes_a_new_value():
    def doubled(features: Tensor) -> Tensor:
        result = features * 2
        result.add_(1)
        return result

    operations = traced(Applied(doubled), (2, 3)).operations
    assert [each.name for each in operations] == ["mul", "add_"]
    assert operations[1].inputs[0] is operations[0].outputs[0]
    assert operations[1].outputs[0] is not operations[0].outputs[0]


def test_writing_through_a_view_reaches_the_whole():
    def written(features: Tensor) -> Tensor:
        result = features.clone()
        result[:, 0] = 0
        return result + 1

    result = traced(Applied(written), (2, 3))
    assert "alias_write" in [each.name for each in result.operations]
    last = result.operations[-1]
    assert result.operations[last.inputs[0].producer].name == "alias_write"


def test_constants_without_a_device_are_brought_along():
    result = traced(Applied(lambda features: features + torch.ones(3)), (2, 3))
    assert result.outputs[0].shape.dimensions == (2, 3)


def test_composite_operators_are_taken_apart_without_autograd():
    class Inference(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 4)

        @torch.inference_mode()
        def forward(self, features: Tensor) -> Tensor:
            return self.layer(features)

    assert [each.name for each in traced(Inference(), (2, 3)).operations] == ["t", "addmm"]


def test_repeated_calls_are_counted():
    layer = nn.ReLU()
    result = traced(nn.Sequential(layer, layer), (2, 3))
    assert [(each.name, each.count) for each in result.calls] == [("", 0), ("0", 0), ("0", 1)]


def test_failure_names_the_innermost_call_and_the_line():
    class Failing(nn.Module):
        def forward(self, features: Tensor) -> Tensor:
            raise ValueError(features.shape)

    result = trace(nn.Sequential(nn.ReLU(), Failing()), [torch.empty(2, 3, device="meta")])
    assert result.failure is not None
    assert result.failure.call is not None
    assert result.failure.call.name == "1"
    assert result.failure.site is not None
    assert result.failure.site.code == "raise ValueError(features.shape)"
    assert [each.is_finished for each in result.calls] == [False, True, False]


def test_module_class_is_left_as_found():
    before = nn.Module.__call__
    traced(nn.Linear(3, 4), (2, 3))
    assert nn.Module.__call__ is before


def test_random_state_is_restored():
    before = torch.get_rng_state()
    network = Applied(lambda features: features + torch.rand(3))
    trace(network, [torch.zeros(2, 3)])
    assert torch.equal(torch.get_rng_state(), before)
