"""What autograd keeps, counted without numbers, against what it keeps of a real run."""

import copy
import threading
import weakref

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from defib.analysis.example import Inputs
from defib.analysis.inspection import inspect
from defib.analysis.lending import with_numbers
from defib.analysis.memory.attention import AttentionKernel
from defib.analysis.memory.calls import LayerCall
from defib.analysis.memory.network_memory import memory_of
from defib.records.architecture import Exactness
from tests.analysis.memory.real_networks import NETWORKS


class Holder:
    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor.detach()


def really_kept(network: nn.Module, example: Tensor) -> int:
    """Bytes of distinct storages held by autograd after a real pass, without those of weights."""
    holders: list[weakref.ref[Holder]] = []

    def pack(tensor: Tensor) -> Holder:
        holder = Holder(tensor)
        holders.append(weakref.ref(holder))
        return holder

    held = {each.untyped_storage()._cdata for each in (*network.parameters(), *network.buffers())}
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda holder: holder.tensor):
        result = network(example)
    alive = [holder.tensor for each in holders if (holder := each()) is not None]
    del result
    sizes = {each.untyped_storage()._cdata: each.untyped_storage().nbytes() for each in alive}
    return sum(size for key, size in sizes.items() if key not in held)


@pytest.mark.parametrize("name", NETWORKS)
def test_equals_what_a_real_run_keeps(name: str):
    build, example = NETWORKS[name]
    torch.manual_seed(0)
    network, given = build(), example()
    architecture = inspect(network, copy.deepcopy(given))
    assert architecture.memory.saved.exactness is Exactness.EXACT
    assert architecture.memory.saved.value == really_kept(network, given) > 0
    assert sum(each.saved_bytes.value for each in architecture.layers) == (
        architecture.memory.saved.value
    )


@pytest.mark.parametrize("name", ["convolutional", "residual", "frozen below"])
def test_equals_what_a_real_run_keeps_with_frozen_statistics(name: str):
    build, example = NETWORKS[name]
    network, given = build(), example()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            module.eval()
    memory = memory_of(network, Inputs((given,), {})).memory
    assert memory.saved.value == really_kept(network, given)


def test_a_storage_belongs_to_the_call_that_first_handed_it_over():
    network = nn.Sequential(nn.Linear(3, 5), nn.ReLU(inplace=True), nn.Linear(5, 2))
    kept = memory_of(network, Inputs((torch.randn(7, 3),), {})).saved_by_call
    # The first layer keeps its input; the rectifier its result, which the last keeps, too.
    assert {call: count.value for call, count in kept.items()} == {
        LayerCall("0"): 7 * 3 * 4,
        LayerCall("1"): 7 * 5 * 4,
    }


def test_max_pooling_keeps_its_input_and_a_place_for_each_result():
    network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.MaxPool2d(2))
    layers = inspect(network, (1, 1, 4, 4)).layers
    pooling = next(each for each in layers if each.type == "MaxPool2d")
    assert pooling.saved_bytes.value == 2 * 4 * 4 * 4 + 2 * 2 * 2 * 8


def test_what_a_graph_that_was_thrown_away_kept_is_not_counted():
    class Wasteful(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            self.layer(x).exp().sum()
            return self.layer(x)

    assert memory_of(Wasteful(), Inputs((torch.randn(2, 4),), {})).memory.saved.value == 2 * 4 * 4


def test_each_call_of_a_shared_layer_has_its_own_share():
    build, example = NETWORKS["twice"]
    layers = inspect(build(), example()).layers
    shares = [each.saved_bytes.value for each in layers if each.name == "layer"]
    # Input at the first call; the sigmoid between them keeps what the second call reads.
    assert shares == [3 * 8 * 4, 0]


def test_parts_that_run_in_training_only_count_at_the_call_around_them():
    build, example = NETWORKS["only in training"]
    root, main = inspect(build(), example()).layers
    assert (root.name, main.name) == ("", "main")
    assert root.saved_bytes.value == 3 * 5 * 4
    assert main.saved_bytes.value == 3 * 6 * 4


def test_evaluation_mode_is_a_lower_bound_where_training_mode_fails():
    network = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Dropout())
    memory = inspect(network, (1, 4)).memory
    assert memory.saved.exactness is Exactness.LOWER_BOUND
    assert "more than 1 value per channel" in memory.saved.reason
    assert memory.saved.value == really_kept(network.eval(), torch.randn(1, 4))
    assert memory.forward_peak.exactness is Exactness.EXACT


def test_unknown_where_the_network_does_not_run():
    memory = inspect(nn.Linear(4, 3), (1, 5)).memory
    assert memory.saved.exactness is Exactness.UNKNOWN
    assert "does not run" in memory.saved.reason
    assert memory.weights == 15 * 4


def test_lower_bound_for_the_fused_lstm_and_exact_without_its_workspace():
    network, example = nn.LSTM(8, 6, 2), torch.randn(5, 2, 8)
    saved = memory_of(network, Inputs((example,), {})).memory.saved
    assert saved.exactness is Exactness.LOWER_BOUND
    assert "workspace" in saved.reason
    workspaces: list[int] = []

    def pack(tensor: Tensor) -> Tensor:
        if tensor.dtype is torch.uint8:
            workspaces.append(tensor.untyped_storage().nbytes())
        return tensor.detach()

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        network(example)
    if not workspaces:
        pytest.skip("this processor has no fused LSTM")
    assert saved.value == really_kept(network, example) - sum(workspaces)


def test_a_recurrent_network_that_cannot_be_copied_is_lent_itself():
    network = nn.GRU(8, 6)
    network.lock = threading.Lock()
    example = torch.randn(5, 2, 8)
    weight = network.weight_ih_l0
    assert inspect(network, example).memory.saved.value == really_kept(network, example)
    assert network.weight_ih_l0 is weight
    assert not weight.is_meta


def attention_of(*, dropout: float, kernel: AttentionKernel) -> tuple[int, str]:
    class Attends(nn.Module):
        def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            return F.scaled_dot_product_attention(query, key, value, dropout_p=dropout)

    inputs = tuple(torch.randn(2, 3, length, 8, requires_grad=True) for length in (5, 7, 7))
    memory = memory_of(Attends(), Inputs(inputs, {}), attention=kernel).memory
    return memory.saved.value, " ".join(memory.assumptions)


def test_fused_attention_keeps_queries_keys_values_result_and_sums():
    fused = 4 * 2 * 3 * (2 * 5 * 8 + 2 * 7 * 8 + 5)
    assert attention_of(dropout=0.0, kernel=AttentionKernel.PROCESSOR)[0] == fused
    assert attention_of(dropout=0.5, kernel=AttentionKernel.FUSED)[0] == fused


def test_attention_step_by_step_keeps_the_weights_of_all_pairs():
    # Scaled queries, scaled keys, values, weights.
    expected = 4 * 2 * 3 * (5 * 8 + 2 * 7 * 8 + 5 * 7)
    assert attention_of(dropout=0.0, kernel=AttentionKernel.STEP_BY_STEP)[0] == expected


def test_assumptions_name_the_kernel_of_attention_and_what_the_other_keeps():
    saved, told = attention_of(dropout=0.0, kernel=AttentionKernel.PROCESSOR)
    other, _ = attention_of(dropout=0.0, kernel=AttentionKernel.STEP_BY_STEP)
    assert "1 calls: fused (as torch chooses on the processor)" in told
    assert f"{other:,} bytes would be kept for backward instead of {saved:,}" in told


def test_data_dependent_networks_are_measured_on_a_real_run():
    class Depends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x).tanh() if float(x.sum()) > -1e9 else x

    network, example = Depends(), torch.randn(2, 4)
    assert inspect(network, example).memory.saved.value == really_kept(network, example)


def test_the_network_is_left_as_found():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout()).eval()
    network[0].train()
    before = copy.deepcopy(network.state_dict())
    inputs = Inputs((torch.randn(2, 3, 8, 8),), {})
    state = torch.get_rng_state()
    modes = [each.training for each in network.modules()]
    memory_of(network, inputs)
    assert modes == [each.training for each in network.modules()]
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert torch.equal(state, torch.get_rng_state())
    assert all(each.grad is None for each in network.parameters())


def test_a_lower_bound_where_sparse_tensors_are_kept():
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(3))

        def forward(self, x: Tensor) -> Tensor:
            positions = torch.tensor([[0, 1], [2, 0]])
            graph = torch.sparse_coo_tensor(
                positions, torch.ones(2), (3, 3), check_invariants=False
            )
            return torch.sparse.mm(graph, x * self.scale)

    inputs = Inputs((torch.randn(3, 3),), {})
    saved = memory_of(Scaled(), inputs, lend=with_numbers).memory.saved
    assert saved.exactness is Exactness.LOWER_BOUND
    assert "sparse" in saved.reason
