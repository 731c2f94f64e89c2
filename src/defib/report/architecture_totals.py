"""Sums over a whole network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from defib.errors import UnknownNameError, UsageError
from defib.records.architecture import NOTHING, Architecture, Count, Exactness, Memory, sum_of
from defib.records.expression import ZERO, Integer
from defib.report.architecture_rows import summed

USUAL_OPTIMIZERS = ("AdamW", "Adam")
"""Assumed, in this order, where the user names no optimiser."""


@final
@dataclass(frozen=True)
class Totals:
    """Sums over all calls; parameters once each, those of modules never called included.

    `uncalled` are the parameters that no call accounts for. `training_bytes`: weights,
    gradients, the states of `optimizer`, and what autograd keeps for backward.
    """

    weights: Count
    biases: Count
    uncalled: int
    frozen: int
    macs: Count
    padding_macs: Count
    connections: Count
    activations: Count
    activation_bytes: int
    dense_equivalent: Count
    saved_bytes: Count
    optimizer: str
    training_bytes: Count

    @property
    def parameters(self) -> Count:
        return sum_of((self.weights, self.biases, Count(Integer(self.uncalled))))


def totals_of(architecture: Architecture, optimizer: str | None = None) -> Totals:
    """The sums. Raises `UnknownNameError` where the memory of `optimizer` is not known."""
    layers = architecture.layers
    weights, biases = summed(layers, "weights"), summed(layers, "biases")
    known = sum(each.shape.count for each in architecture.parameters if not each.shared_with)
    frozen = sum(
        each.shape.count
        for each in architecture.parameters
        if not each.shared_with and not each.is_trainable
    )
    memory = architecture.memory
    chosen = optimizer_called(memory, optimizer)
    return Totals(
        weights=weights,
        biases=biases,
        uncalled=max(known - weights.value - biases.value, 0),
        frozen=frozen,
        macs=summed(layers, "macs"),
        padding_macs=summed(layers, "padding_macs"),
        connections=summed(layers, "connections"),
        activations=summed(layers, "activations"),
        activation_bytes=activation_bytes(architecture),
        dense_equivalent=summed(layers, "dense_equivalent"),
        saved_bytes=memory.saved if memory.saved != NOTHING else summed(layers, "saved_bytes"),
        optimizer=chosen,
        training_bytes=_training_bytes(memory, chosen),
    )


def activation_bytes(architecture: Architecture) -> int:
    """Bytes of the outputs of the layers whose outputs are counted as activations."""
    return sum(
        output.bytes
        for layer in architecture.layers
        if layer.activations.value
        for output in layer.outputs
    )


def optimizer_called(memory: Memory, name: str | None) -> str:
    """The name under which the states of an optimiser are known; capitals do not matter."""
    known = {each.lower(): each for each in memory.optimizer_states}
    if name is None:
        usual = [each for each in USUAL_OPTIMIZERS if each in memory.optimizer_states]
        return (usual or list(memory.optimizer_states) or [""])[0]
    if not known:
        raise UsageError("`--optimizer` needs the memory of a training, which is not known here.")
    if name.lower() not in known:
        advice = f"The memory is known of {', '.join(memory.optimizer_states)}."
        raise UnknownNameError("optimiser", name, memory.optimizer_states, advice=advice)
    return known[name.lower()]


def _training_bytes(memory: Memory, optimizer: str) -> Count:
    if memory == Memory():
        return Count(ZERO, Exactness.UNKNOWN, "the memory of a training is not known")
    parts = {
        "weights": memory.weights,
        "gradients": memory.gradients,
        "optimizer states": memory.optimizer_states.get(optimizer, 0),
    }
    counts = [Count(Integer(number, label)) for label, number in parts.items()]
    return sum_of((*counts, memory.saved))
