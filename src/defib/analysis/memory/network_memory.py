"""Memory that running and training a network takes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, final

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from defib.analysis.example import Inputs
from defib.analysis.lending import Lender, with_fake_tensors, without_numbers
from defib.analysis.memory.assumptions import assumptions_of, other_kernel
from defib.analysis.memory.attention import AttentionKernel
from defib.analysis.memory.calls import LayerCall
from defib.analysis.memory.forward_pass import ForwardPass, forward_pass
from defib.analysis.memory.optimizer_states import optimizer_states
from defib.analysis.memory.storages import Extent
from defib.analysis.meta_results import MetaResults
from defib.analysis.model_copy import CopyFailed
from defib.records.architecture import Count, Exactness, LayerRecord, Memory
from defib.records.expression import Expression, total


@final
@dataclass(frozen=True)
class NetworkMemory:
    """`Memory` of a network, and how the bytes kept for backward divide among its layers."""

    memory: Memory
    saved_by_call: Mapping[LayerCall, Count]
    parents: Mapping[LayerCall, LayerCall]
    """Inside of which call each call ran, in training mode."""


def memory_of(
    network: nn.Module,
    inputs: Inputs,
    *,
    lend: Lender = without_numbers,
    attention: AttentionKernel = AttentionKernel.PROCESSOR,
) -> NetworkMemory:
    """What a forward pass (evaluation mode) and a training step (training mode) hold.

    Worked out on what `lend` gives: without numbers nothing is computed. A network in training
    mode keeps the modes of its parts, so that frozen ones stay frozen. Where training mode
    fails (batch normalisation of a single value) evaluation mode gives a lower bound.
    """
    # The meta device runs recurrence differently from any real one.
    is_better_fake = lend is without_numbers and _is_recurrent(network)
    try:
        suited = with_fake_tensors if is_better_fake else lend
        training, inference, other = _watched(network, inputs, suited, attention)
    except CopyFailed:
        training, inference, other = _watched(network, inputs, without_numbers, attention)
    by_call = training.saved_by_call()
    parameters = training.parameters
    memory = Memory(
        weights=_bytes(parameters),
        gradients=_bytes(each for each in parameters if each.requires_grad),
        optimizer_states=optimizer_states(parameters),
        saved=training.count([each.expression for each in by_call.values()]),
        forward_peak=inference.peak(),
        training_peak=training.peak(),
        assumptions=tuple(assumptions_of(network, training.outcome, attention, other.outcome)),
    )
    return NetworkMemory(memory, by_call, training.parents)


def with_saved_bytes(
    layers: Iterable[LayerRecord], measured: NetworkMemory
) -> tuple[LayerRecord, ...]:
    """The records with `saved_bytes`, so that their sum is what is kept altogether.

    What a call kept that has no record, because it runs in training mode only, is added to the
    innermost call around it that has one.
    """
    records = tuple(layers)
    known = {LayerCall(each.name, each.call) for each in records}
    kept: defaultdict[LayerCall, list[Expression]] = defaultdict(list)
    for call, count in measured.saved_by_call.items():
        owner = call
        while owner not in known and owner in measured.parents:
            owner = measured.parents[owner]
        kept[owner].append(count.expression)
    saved = measured.memory.saved
    found: list[LayerRecord] = []
    for each in records:
        # Taken out: modules without a name of their own may share one.
        expression = total(kept.pop(LayerCall(each.name, each.call), []))
        found.append(replace(each, saved_bytes=replace(saved, expression=expression)))
    return tuple(found)


@final
@dataclass(frozen=True)
class _Watched:
    """A forward pass, or `None` and why there is none."""

    outcome: ForwardPass | None
    parameters: tuple[Tensor, ...]
    exactness: Exactness = Exactness.EXACT
    reason: str = ""

    @property
    def parents(self) -> Mapping[LayerCall, LayerCall]:
        return {} if self.outcome is None else self.outcome.parents

    def count(self, terms: list[Expression]) -> Count:
        return Count(total(terms), self.exactness, self.reason)

    def peak(self) -> Count:
        alive: Sequence[Extent] = () if self.outcome is None else self.outcome.alive_at_peak
        return self.count([each.expression for each in alive])

    def saved_by_call(self) -> dict[LayerCall, Count]:
        if self.outcome is None:
            return {}
        kept: defaultdict[LayerCall, list[Expression]] = defaultdict(list)
        for each in self.outcome.saved:
            kept[each.call].append(each.extent.expression)
        return {call: self.count(terms) for call, terms in kept.items()}

    def instead_of(self, failed: _Watched) -> _Watched:
        """The same as a lower bound for a pass that failed."""
        if self.outcome is None:
            return failed
        reason = f"counted in evaluation mode; in training mode {failed.reason}"
        return replace(self, exactness=Exactness.LOWER_BOUND, reason=reason)

    def with_doubts(self) -> _Watched:
        """A lower bound where something is kept of a size that is not known here."""
        if self.outcome is None:
            return self
        if self.outcome.operators & _WITH_WORKSPACE:
            reason = "the fused LSTM kernel keeps a workspace whose size is known only when it runs"
        elif self.outcome.has_uncounted:
            reason = "sparse tensors that are kept for backward are not counted"
        else:
            return self
        return replace(self, exactness=Exactness.LOWER_BOUND, reason=reason)


def _watched(
    network: nn.Module, inputs: Inputs, lend: Lender, attention: AttentionKernel
) -> tuple[_Watched, _Watched, _Watched]:
    """Training mode with gradients, evaluation mode without, and training with another kernel."""
    with lend(network, inputs) as (lent, given):
        run = partial(_attempt, lent, given, results=MetaResults())
        other = training = run(_in_training_mode, has_gradients=True, attention=attention)
        if training.outcome is None:
            training = run(nn.Module.eval, has_gradients=True, attention=attention)
            training = training.instead_of(other)
        elif (kernel := other_kernel(training.outcome, attention)) is not None:
            other = run(_in_training_mode, has_gradients=True, attention=kernel)
        inference = run(nn.Module.eval, has_gradients=False, attention=attention)
        return training.with_doubts(), inference, other


def _attempt(
    network: nn.Module,
    inputs: Inputs,
    set_mode: Callable[[nn.Module], object],
    *,
    has_gradients: bool,
    **options: Any,  # `attention` and `results`
) -> _Watched:
    try:
        set_mode(network)
        outcome = forward_pass(network, inputs, has_gradients=has_gradients, **options)
    except Exception as error:  # the user's code: whatever it raises is the answer
        text = str(error).strip() or type(error).__name__
        reason = f"the network does not run: {text.splitlines()[0]}"
        parameters = tuple(each for each in network.parameters() if not is_lazy(each))
        return _Watched(None, parameters, Exactness.UNKNOWN, reason)
    return _Watched(outcome, tuple(network.parameters()))


def _is_recurrent(network: nn.Module) -> bool:
    return any(isinstance(each, nn.RNNBase) for each in network.modules())


def _in_training_mode(network: nn.Module) -> None:
    if not network.training:
        network.train()


_WITH_WORKSPACE = frozenset({"mkldnn_rnn_layer"})


def _bytes(parameters: Iterable[Tensor]) -> int:
    return sum(each.numel() * each.element_size() for each in parameters)
