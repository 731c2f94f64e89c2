"""One forward pass of a network, watched for its memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.parameter import is_lazy

from defib.analysis.example import Inputs
from defib.analysis.garbage import collection_paused
from defib.analysis.memory.attention import ATTENTION, AttentionCalls, AttentionKernel
from defib.analysis.memory.calls import CallStack, LayerCall
from defib.analysis.memory.lifetimes import Lifetimes
from defib.analysis.memory.saved import SavedForBackward, SavedStorage
from defib.analysis.memory.storages import Extent, storages_held_by
from defib.analysis.meta_results import MetaResults
from defib.analysis.nested_tensors import tensors_in
from defib.discovery.random_state import randomness_restored


@final
@dataclass(frozen=True)
class ForwardPass:
    """What a forward pass held in memory, parameters and buffers apart."""

    alive_at_peak: tuple[Extent, ...]
    """Storages alive at the moment at which their bytes were most, inputs included."""
    saved: tuple[SavedStorage, ...]
    """Distinct storages that autograd keeps when the pass is over and its result is held."""
    parents: Mapping[LayerCall, LayerCall]
    """Inside of which call each call ran."""
    operators: frozenset[str]
    """Names of the operators that ran: `bernoulli_`."""
    has_uncounted: bool
    """Whether autograd keeps sparse tensors or the like besides."""
    fused_attention_calls: int
    other_attention_calls: int

    @property
    def peak_bytes(self) -> int:
        return sum(extent.bytes for extent in self.alive_at_peak)

    @property
    def saved_bytes(self) -> int:
        return sum(storage.extent.bytes for storage in self.saved)


def forward_pass(
    network: nn.Module,
    inputs: Inputs,
    *,
    has_gradients: bool,
    attention: AttentionKernel = AttentionKernel.PROCESSOR,
    results: MetaResults | None = None,
) -> ForwardPass:
    """Run `network` in the modes in which its modules are, and say what it held.

    The network may be on any device; on the meta device `attention` is the kernel assumed, and
    `results` what is known from earlier passes.
    Raises whatever the network raises. Random state is restored.
    """
    _make_parameters(network, inputs)
    held = storages_held_by(network)
    calls, kernels = CallStack(network), AttentionCalls(attention)
    lifetimes = Lifetimes(held, {ATTENTION: kernels.attend}, results)
    saved = SavedForBackward(held, calls)
    lifetimes.take(tensors_in((inputs.arguments, dict(inputs.keywords))))
    with (
        randomness_restored(),
        collection_paused(),
        torch.set_grad_enabled(has_gradients),
        calls.watching(),
        kernels.replacing(),
        saved_tensors_hooks(saved.pack, saved.unpack),
        lifetimes,
    ):
        # Held until its graph has been looked at.
        result = network(*inputs.arguments, **inputs.keywords)
    kept, has_uncounted = saved.storages(), saved.has_uncounted()
    del result
    return ForwardPass(
        lifetimes.alive_at_peak(),
        kept,
        calls.parents,
        frozenset(each.overloadpacket.__name__ for each in lifetimes.operators),
        has_uncounted,
        kernels.fused,
        kernels.other,
    )


def _make_parameters(network: nn.Module, inputs: Inputs) -> None:
    """Let lazy parameters come into being: they belong to the network, not to the pass."""
    tensors: tuple[Any, ...] = (*network.parameters(), *network.buffers())
    if any(is_lazy(each) for each in tensors):
        with randomness_restored(), torch.no_grad():
            network(*inputs.arguments, **inputs.keywords)
