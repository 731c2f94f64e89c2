"""Receptive fields of small networks, by hand."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from defib.analysis.receptive_field.fields import FieldSets, ReceptiveFields, receptive_fields
from defib.analysis.receptive_field.input_axes import input_axes
from defib.analysis.trace import Trace, trace
from defib.records.architecture import AxisField, Exactness, ReceptiveField


class Function(nn.Module):
    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *arguments: Tensor) -> Any:
        return self.function(*arguments)


def traced(network: Any, *shape: int, dtype: torch.dtype = torch.float32) -> Trace:
    network = network if isinstance(network, nn.Module) else Function(network)
    result = trace(network.to("meta").eval(), [torch.zeros(shape, dtype=dtype, device="meta")])
    assert result.failure is None, result.failure
    return result


def field_of(network: Any, *shape: int, dtype: torch.dtype = torch.float32) -> ReceptiveField:
    run = traced(network, *shape, dtype=dtype)
    field = ReceptiveFields(run).of(run.outputs[0])
    assert field is not None
    return field


def test_arithmetic_is_written_as_the_recurrence():
    network = nn.Sequential(nn.Conv1d(1, 1, 5, 2), nn.Conv1d(1, 1, 5, 2, padding=1))
    run = traced(network, 1, 1, 60)
    assert ReceptiveFields(run).derivation(run.outputs[0]) == (
        "r = 1 + (5 - 1)*1 = 5",
        "j = 1*2 = 2",
        "start = 0 - 0*1 = 0",
        "r = 5 + (5 - 1)*2 = 13",
        "j = 2*2 = 4",
        "start = 0 - 1*2 = -2",
    )
    assert ReceptiveFields(run).of(run.outputs[0]).work == (
        "r = 5 + (5 - 1)*2 = 13",
        "j = 2*2 = 4",
        "start = 0 - 1*2 = -2",
    )


def test_dilation_is_a_factor_and_leaves_holes():
    field = field_of(nn.Conv1d(1, 1, 3, dilation=4), 1, 1, 40)
    assert field.axes == (AxisField(9, Fraction(1), Fraction(0), has_holes=True),)
    assert field.work[0] == "r = 1 + (3 - 1)*4*1 = 9"


def test_axes_that_differ_are_written_apart():
    field = field_of(nn.Conv2d(1, 1, (3, 5)), 1, 1, 20, 20)
    assert [axis.size for axis in field.axes] == [3, 5]
    assert field.work[0] == "height: r = 1 + (3 - 1)*1 = 3"
    assert field.work[3] == "width: r = 1 + (5 - 1)*1 = 5"


def test_sum_takes_the_largest_path():
    convolution = nn.Conv1d(1, 1, 5, padding=2)
    run = traced(Residual(convolution), 1, 1, 40)
    field = ReceptiveFields(run).of(run.outputs[0])
    assert field.axes[0] == AxisField(5, Fraction(1), Fraction(-2))
    assert field.work == ("r = max(5, 1) = 5",)


class Residual(nn.Module):
    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, features: Tensor) -> Tensor:
        return self.branch(features) + features


def test_branches_beside_each_other_reach_from_first_to_last():
    field = field_of(lambda x: x[..., 4:] + x[..., :-4], 1, 1, 40)
    assert field.axes[0] == AxisField(5, Fraction(1), Fraction(0), has_holes=True)
    assert field.work == ("r = 4 - (0) + 1 = 5 (branches of 1, not centred)",)


def test_branches_of_different_strides_are_said_not_to_be_aligned():
    field = field_of(lambda x: x[..., ::2] + x[..., :10], 1, 1, 20)
    assert "not aligned" in field.reason
    assert field.exactness is Exactness.EXACT
    assert field.axes[0].size == 10


def test_misaligned_field_that_reads_padding_is_a_lower_bound():
    field = field_of(lambda x: F.pad(x, (1, 1))[..., ::2] + x[..., :11], 1, 1, 20)
    assert field.exactness is Exactness.LOWER_BOUND


def test_cross_of_parallel_branches_is_exact_in_the_plane():
    def cross(x: Tensor) -> Tensor:
        row, column = torch.ones(1, 1, 1, 3).to(x), torch.ones(1, 1, 3, 1).to(x)
        branches = F.conv2d(x, row, padding=(0, 1)), F.conv2d(x, column, padding=(1, 0))
        return torch.cat(branches, dim=1)

    run = traced(cross, 1, 1, 9, 9)
    found = FieldSets(run).at(run.outputs[0], (4, 4))
    assert found.positions == {(4, 3), (4, 4), (4, 5), (3, 4), (5, 4)}
    assert not found.is_bound


def test_exact_set_is_cut_off_at_the_border():
    run = traced(nn.Conv2d(1, 1, 3, padding=1), 1, 1, 9, 9)
    assert FieldSets(run).at(run.outputs[0], (0, 8)).positions == {(0, 7), (0, 8), (1, 7), (1, 8)}


def test_transposed_convolution_and_upsampling_have_fractional_strides():
    field = field_of(nn.ConvTranspose1d(1, 1, 3, stride=2), 1, 1, 20)
    assert (field.axes[0].size, field.axes[0].stride) == (2, Fraction(1, 2))
    assert field.work[:2] == ("r = 1 + (ceil(3/2) - 1)*1 = 2", "j = 1/2 = 1/2")
    field = field_of(nn.Upsample(scale_factor=2), 1, 1, 20)
    assert (field.axes[0].size, field.axes[0].stride) == (1, Fraction(1, 2))


def test_part_of_a_concatenation_sees_only_its_branch():
    def split(x: Tensor) -> Tensor:
        wide = F.avg_pool1d(x, 5, 1, 2)
        return torch.cat([x, wide], dim=1).chunk(2, dim=1)[0] * 2

    assert field_of(split, 1, 2, 30).axes[0].size == 1


def test_shuffled_channels_keep_their_closed_form():
    def shuffle(x: Tensor) -> Tensor:
        both = torch.cat([x, F.avg_pool2d(x, 3, 1, 1)], dim=1)
        return F.avg_pool2d(F.channel_shuffle(both, 2), 3, 1, 1)

    field = field_of(shuffle, 1, 2, 12, 12)
    assert field.exactness is Exactness.EXACT
    assert field.axes[0] == AxisField(5, Fraction(1), Fraction(-2))


@pytest.mark.parametrize(
    "head",
    [
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Sequential(nn.Flatten(), nn.Linear(2 * 64, 3)),
        nn.GroupNorm(1, 2),
        nn.LayerNorm([2, 8, 8]),
        nn.InstanceNorm2d(2),
        Function(lambda x: x.mean((2, 3))),
        Function(lambda x: x * x.mean((2, 3), keepdim=True).sigmoid()),
    ],
)
def test_what_joins_all_positions_sees_the_whole_input(head):
    field = field_of(nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), head), 1, 1, 8, 8)
    assert field.is_global
    assert field.exactness is Exactness.EXACT
    assert [axis.size for axis in field.axes] == [8, 8]


def test_batch_norm_and_pointwise_layers_see_one_position():
    layers = nn.Sequential(nn.BatchNorm2d(1), nn.ReLU(inplace=True), nn.Dropout(), nn.PReLU())
    field = field_of(layers, 1, 1, 8, 8)
    assert [axis.size for axis in field.axes] == [1, 1]


def test_linear_over_channels_keeps_positions_apart():
    def mixed(x: Tensor) -> Tensor:
        x = F.avg_pool2d(x, 3, 1, 1).permute(0, 2, 3, 1)
        return F.linear(x, torch.ones(5, 4).to(x)).permute(0, 3, 1, 2)

    for batch in (1, 2):
        field = field_of(mixed, batch, 4, 8, 8)
        assert field.exactness is Exactness.EXACT
        assert field.axes == (AxisField(3, Fraction(1), Fraction(-1)),) * 2


def test_tokens_see_their_patch_and_attention_sees_everything():
    def tokens(x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 4).flatten(2).transpose(1, 2)

    field = field_of(tokens, 1, 3, 16, 16)
    assert [axis.size for axis in field.axes] == [4, 4]

    def attention(x: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(tokens(x), tokens(x), tokens(x))

    assert field_of(attention, 1, 3, 16, 16).is_global


def test_token_ids_are_followed_through_embedding_and_attention():
    embedded = nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 4))
    run = traced(embedded, 2, 6, dtype=torch.long)
    assert ReceptiveFields(run).of(run.outputs[0]).axes[0].size == 1
    layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    assert field_of(nn.Sequential(nn.Embedding(10, 4), layer), 2, 6, dtype=torch.long).is_global


def test_recurrent_step_sees_what_came_before_it():
    run = traced(Function(nn.LSTM(4, 3, batch_first=True).to("meta")), 1, 5, 4)
    sets = FieldSets(run)
    for step in range(5):
        seen = sets.at(run.outputs[0], (step, 0)).positions
        assert seen == {(each,) for each in range(step + 1)}


def test_circular_padding_keeps_the_closed_form():
    field = field_of(nn.Conv1d(1, 1, 3, padding=1, padding_mode="circular"), 1, 1, 20)
    assert field.axes[0] == AxisField(3, Fraction(1), Fraction(-1))


def test_space_to_depth_is_exact():
    field = field_of(nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4, 1, 3)), 1, 1, 16, 16)
    assert [axis.size for axis in field.axes] == [6, 6]
    assert field.exactness is Exactness.EXACT
    field = field_of(nn.Sequential(nn.Conv2d(1, 4, 3), nn.PixelShuffle(2)), 1, 1, 16, 16)
    assert (field.axes[0].size, field.axes[0].stride) == (3, Fraction(1, 2))


def test_unmodelled_operation_is_unknown_and_named():
    def grid(x: Tensor) -> Tensor:
        return F.grid_sample(x, torch.zeros(1, 4, 4, 2).to(x), align_corners=False) * 2

    field = field_of(grid, 1, 1, 8, 8)
    assert field.exactness is Exactness.UNKNOWN
    assert "aten.grid_sampler_2d" in field.reason


def test_positions_computed_from_the_input_are_unknown():
    field = field_of(lambda x: x[..., x[0, 0].argsort()], 1, 1, 8)
    assert field.exactness is Exactness.UNKNOWN


def test_values_that_do_not_depend_on_the_input_have_no_field():
    run = traced(lambda x: torch.zeros_like(x) + torch.ones(8).to(x), 1, 1, 8)
    assert ReceptiveFields(run).of(run.outputs[0]) is None


def test_every_output_has_its_field():
    run = traced(lambda x: (x * 2, F.avg_pool1d(x, 3)), 1, 1, 12)
    fields = receptive_fields(run)
    assert [fields[value.index].axes[0].size for value in run.outputs] == [1, 3]


@pytest.mark.parametrize(
    ("network", "shape", "dims"),
    [
        (nn.Conv3d(1, 1, 3), (1, 1, 8, 8, 8), (2, 3, 4)),
        (nn.Conv2d(1, 1, 3), (1, 1, 8, 8), (2, 3)),
        (nn.Conv2d(1, 1, 3), (1, 8, 8), (1, 2)),
        (nn.MaxPool2d(2), (1, 8, 8), (1, 2)),
        (nn.Conv1d(2, 1, 3), (1, 2, 8), (2,)),
        (nn.AvgPool1d(3), (1, 2, 8), (2,)),
        (nn.Linear(8, 2), (1, 2, 8), (1,)),
        (nn.Linear(8, 2), (1, 8), (1,)),
    ],
)
def test_spatial_dimensions_follow_from_shape_and_first_layer(network, shape, dims):
    assert input_axes(traced(network, *shape)).dims == dims
