"""Multiply-accumulates of matrix products, attention and recurrence."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from defib.analysis.inspection import inspect
from defib.records.architecture import Exactness
from tests.analysis.arithmetic import written


class Applied(nn.Module):
    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *tensors: Tensor) -> Tensor:
        return self.function(*tensors)


PRODUCTS = [
    (torch.mm, [(2, 3), (3, 4)], 2 * 3 * 4),
    (torch.addmm, [(4,), (2, 3), (3, 4)], 2 * 3 * 4),
    (torch.bmm, [(5, 2, 3), (5, 3, 4)], 5 * 2 * 3 * 4),
    (torch.baddbmm, [(5, 2, 4), (5, 2, 3), (5, 3, 4)], 5 * 2 * 3 * 4),
    (torch.addbmm, [(2, 4), (5, 2, 3), (5, 3, 4)], 5 * 2 * 3 * 4),
    (torch.mv, [(2, 3), (3,)], 2 * 3),
    (torch.addmv, [(2,), (2, 3), (3,)], 2 * 3),
    (torch.dot, [(3,), (3,)], 3),
    (torch.matmul, [(6, 1, 2, 3), (5, 3, 4)], 6 * 5 * 2 * 3 * 4),
    (torch.matmul, [(3,), (3, 4)], 3 * 4),
    (lambda a, b: a @ b, [(5, 2, 3), (3,)], 5 * 2 * 3),
    (lambda a, b: torch.einsum("bij,bkj->bik", a, b), [(5, 2, 3), (5, 4, 3)], 5 * 2 * 3 * 4),
    (lambda a, b: torch.tensordot(a, b, dims=2), [(2, 3, 4), (3, 4, 5)], 2 * 3 * 4 * 5),
    (F.linear, [(2, 7, 3), (4, 3)], 2 * 7 * 3 * 4),
    (F.scaled_dot_product_attention, [(2, 5, 3, 4), (2, 5, 6, 4), (2, 5, 6, 8)], 10 * 18 * 12),
]


@pytest.mark.parametrize(("function", "shapes", "macs"), PRODUCTS)
def test_products_have_one_mac_for_each_pair_of_factors(
    function: Callable[..., Tensor], shapes: list[tuple[int, ...]], macs: int
):
    architecture = inspect(Applied(function), shapes)
    assert architecture.notes == ()
    assert sum(each.macs.value for each in architecture.operations) == macs
    assert architecture.layers[0].macs.value == macs
    assert architecture.layers[0].macs.exactness is Exactness.EXACT


def test_grouped_queries_count_every_query_head():
    def attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(query, key, value, enable_gqa=True)

    shapes = [(2, 8, 5, 4), (2, 2, 6, 4), (2, 2, 6, 4)]
    [layer] = inspect(Applied(attention), shapes).layers
    assert written(layer.macs.expression) == "(5*6*4)*8*2 + (5*6*4)*8*2"


def test_bilinear_multiplies_by_both_inputs():
    [layer] = inspect(nn.Bilinear(3, 4, 5), [(2, 3), (2, 4)]).layers
    assert layer.macs.value == 2 * 5 * (3 * 4) + 2 * 5 * 4


def naive_lstm_macs(inputs: int, hidden: int, steps: int, batch: int) -> int:
    count = 0
    for _ in range(steps * batch):
        for _gate in range(4):
            count += hidden * inputs  # W x
            count += hidden * hidden  # R h
    return count


def test_lstm_meets_both_matrices_at_each_step():
    [layer] = inspect(nn.LSTM(4, 5, batch_first=True), (2, 3, 4)).layers
    assert layer.macs.value == naive_lstm_macs(4, 5, steps=3, batch=2)
    assert written(layer.macs.expression) == "(4*20)*3*2 + (5*20)*3*2"


@pytest.mark.parametrize(
    ("network", "shape"),
    [
        (nn.GRU(4, 5, num_layers=2, bidirectional=True), (3, 2, 4)),
        (nn.LSTM(4, 5, proj_size=2), (3, 2, 4)),
        (nn.RNN(4, 5), (3, 4)),
        (nn.LSTMCell(4, 5), (2, 4)),
        (nn.GRUCell(4, 5), (2, 4)),
        (nn.RNNCell(4, 5), (4,)),
        (nn.TransformerEncoderLayer(8, 2, 16), (3, 2, 8)),
        (nn.TransformerDecoderLayer(8, 2, 16, batch_first=True), [(2, 3, 8), (2, 5, 8)]),
    ],
    ids=str,
)
def test_layers_count_as_torch_counts_on_meta(network: nn.Module, shape: tuple[int, ...]):
    shapes = shape if isinstance(shape, list) else [shape]
    tensors = [torch.empty(each, device="meta") for each in shapes]
    with FlopCounterMode(display=False) as oracle:
        network.to("meta")(*tensors)
    architecture = inspect(network, shape)
    assert architecture.notes == ()
    assert sum(layer.macs.value for layer in architecture.layers) == oracle.get_total_flops() / 2


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"batch_first": True},
        {"bias": False, "add_bias_kv": False, "add_zero_attn": True},
        {"add_bias_kv": True},
        {"kdim": 4, "vdim": 6},
    ],
    ids=str,
)
def test_multi_head_attention_agrees_with_its_operators(options: dict[str, object]):
    network = nn.MultiheadAttention(8, 2, **options)
    key, value = options.get("kdim", 8), options.get("vdim", 8)
    architecture = inspect(network, [(3, 5, 8), (3, 5, key), (3, 5, value)])
    assert architecture.notes == ()
    [layer] = architecture.layers
    assert layer.macs.value == sum(each.macs.value for each in architecture.operations) > 0


def test_embedding_and_normalisation_multiply_no_matrices():
    network = nn.Sequential(nn.Embedding(7, 4), nn.LayerNorm(4), nn.GELU(), nn.Softmax(dim=-1))
    architecture = inspect(network, (2, 3), dtype=torch.long)
    assert architecture.notes == ()
    assert all(layer.macs.value == 0 for layer in architecture.layers)
    assert all(layer.macs.exactness is Exactness.EXACT for layer in architecture.layers)


def test_an_operator_without_formula_is_told_and_never_zero():
    network = nn.Sequential(nn.Linear(4, 4), Applied(torch.fft.fft))
    architecture = inspect(network, (2, 4))
    assert architecture.layers[2].macs.exactness is Exactness.UNKNOWN
    assert architecture.notes == ("`aten._fft_r2c` in `1`: not counted, it has no formula.",)


def test_what_is_known_beside_an_unknown_operator_is_a_lower_bound():
    network = Applied(lambda tensor: torch.linalg.inv(tensor @ tensor))
    [layer] = inspect(network, (3, 3)).layers
    assert layer.macs.exactness is Exactness.LOWER_BOUND
    assert layer.macs.value == 27
    assert "linalg_inv_ex" in layer.macs.reason
