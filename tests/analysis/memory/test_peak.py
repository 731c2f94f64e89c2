"""Most bytes alive at one moment: by hand, and against real runs watched the same way."""

import copy
from itertools import accumulate

import pytest
import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from defib.analysis.example import Inputs
from defib.analysis.memory.forward_pass import forward_pass
from defib.analysis.memory.network_memory import memory_of
from defib.records.architecture import Memory
from tests.analysis.memory.real_networks import NETWORKS, usual_path


def memory(network: nn.Module, *inputs: Tensor) -> Memory:
    return memory_of(network, Inputs(inputs, {})).memory


@pytest.mark.parametrize("name", NETWORKS)
def test_equals_that_of_a_real_run(name: str):
    build, example = NETWORKS[name]
    network, inputs = build(), Inputs((example(),), {})
    counted = memory_of(network, inputs).memory
    with usual_path():
        training = forward_pass(copy.deepcopy(network).train(), inputs, has_gradients=True)
        inference = forward_pass(copy.deepcopy(network).eval(), inputs, has_gradients=False)
    assert counted.training_peak.value == training.peak_bytes
    assert counted.forward_peak.value == inference.peak_bytes > 0


WITHOUT_WORKSPACE = ("twice", "only in training", "double", "weight norm", "embedding", "RNN")
"""Networks whose operators take nothing from the allocator but their results."""


def allocated(network: nn.Module, example: Tensor, *, has_gradients: bool) -> int:
    """Most bytes that the processor's allocator had handed out during a pass."""
    with (
        profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler,
        torch.set_grad_enabled(has_gradients),
    ):
        # Held: what it frees must not be freed within the profile.
        _result = network(example)
    assert profiler.profiler is not None
    events = profiler.profiler.kineto_results.events()
    changes = [(each.start_ns(), each.nbytes()) for each in events if each.name() == "[memory]"]
    return max(accumulate(size for _, size in sorted(changes, key=lambda each: each[0])))


@pytest.mark.parametrize("name", WITHOUT_WORKSPACE)
def test_equals_what_the_allocator_handed_out(name: str):
    build, example = NETWORKS[name]
    network, given = build(), example()
    counted = memory(network, given)
    before = given.untyped_storage().nbytes()
    inference = allocated(copy.deepcopy(network).eval(), given, has_gradients=False)
    training = allocated(copy.deepcopy(network).train(), given, has_gradients=True)
    assert counted.forward_peak.value - before == inference
    assert counted.training_peak.value - before == training


def chain() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 10), nn.Linear(10, 30), nn.Linear(30, 5))


def test_a_chain_holds_its_input_and_two_neighbours():
    # The caller holds the input; each result is dropped once the next is there.
    assert memory(chain(), torch.randn(3, 2)).forward_peak.value == 4 * 3 * (2 + 10 + 30)


def test_a_chain_in_training_holds_everything():
    assert memory(chain(), torch.randn(3, 2)).training_peak.value == 4 * 3 * (2 + 10 + 30 + 5)


def test_a_result_that_backward_does_not_need_is_dropped_in_training():
    network = nn.Sequential(nn.Linear(2, 10), nn.Sigmoid(), nn.Linear(10, 1))
    # The sum of the first layer is there only until the sigmoid has its result.
    assert memory(network, torch.randn(3, 2)).training_peak.value == 4 * 3 * (2 + 10 + 10)


def test_work_in_place_takes_no_further_memory():
    def rectified(*, inplace: bool) -> int:
        network = nn.Sequential(nn.Linear(2, 10), nn.ReLU(inplace=inplace), nn.Flatten())
        return memory(network, torch.randn(3, 2)).forward_peak.value

    assert rectified(inplace=True) == 4 * 3 * (2 + 10)
    assert rectified(inplace=False) == 4 * 3 * (2 + 10 + 10)


def test_a_residual_block_holds_its_input_until_the_sum():
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.widening, self.narrowing = nn.Linear(8, 16), nn.Linear(16, 8)

        def forward(self, x: Tensor) -> Tensor:
            return x + self.narrowing(self.widening(x))

    network = nn.Sequential(nn.Linear(1, 8), Block())
    # Input, block input, wide, narrow; the wide one is gone when the sum is made.
    assert memory(network, torch.randn(3, 1)).forward_peak.value == 4 * 3 * (1 + 8 + 16 + 8)


def test_the_arithmetic_gives_the_figure():
    counted = memory(chain(), torch.randn(3, 2)).forward_peak
    assert counted.expression.value == counted.value


def test_the_same_every_time():
    build, example = NETWORKS["convolutional"]
    network, given = build(), example()
    assert memory(network, given) == memory(network, given)


def test_inference_mode_inside_of_the_network():
    class Sealed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = chain()

        @torch.inference_mode()
        def forward(self, x: Tensor) -> Tensor:
            return self.layers(x)

    counted = memory(Sealed(), torch.randn(3, 2))
    assert counted.saved.value == 0
    assert counted.forward_peak.value == 4 * 3 * (2 + 10 + 30)
