"""What a network is and costs: one record per layer call, each number with its arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from math import prod
from typing import final

from defib.records.expression import ZERO, Expression, total
from defib.records.site import Site


class Exactness(Enum):
    """How far a figure can be trusted."""

    EXACT = "exact"
    LOWER_BOUND = "lower bound"
    UNKNOWN = "unknown"


@final
@dataclass(frozen=True)
class Count:
    """An integer with its arithmetic; `reason` says why it is not exact."""

    expression: Expression = ZERO
    exactness: Exactness = Exactness.EXACT
    reason: str = ""

    @property
    def value(self) -> int:
        return self.expression.value


NOTHING = Count()


def sum_of(counts: list[Count] | tuple[Count, ...]) -> Count:
    """The sum of counts, no more exact than the least exact of them."""
    doubtful = [count for count in counts if count.exactness is not Exactness.EXACT]
    expression = total([count.expression for count in counts])
    if not doubtful:
        return Count(expression)
    reasons = dict.fromkeys(count.reason for count in doubtful if count.reason)
    return Count(expression, Exactness.LOWER_BOUND, "; ".join(reasons))


@final
@dataclass(frozen=True)
class TensorShape:
    """Size of a tensor along each dimension, and its element type (`float32`)."""

    dimensions: tuple[int, ...]
    element_type: str = "float32"
    element_bytes: int = 4

    @property
    def count(self) -> int:
        return prod(self.dimensions)

    @property
    def bytes(self) -> int:
        return self.count * self.element_bytes


@final
@dataclass(frozen=True)
class AxisField:
    """What one output position sees along one spatial axis of the input.

    `size` is the distance between the first and last input position it depends on, plus one;
    `stride` the distance between the fields of neighbouring positions; `offset` where the
    field of output position 0 begins (negative: in the padding). `has_holes` when positions
    in between are not used (dilation). Units: input positions.
    """

    size: int
    stride: Fraction
    offset: Fraction
    has_holes: bool = False


@final
@dataclass(frozen=True)
class ReceptiveField:
    """Receptive field of a layer's output, one entry per spatial axis; `is_global`: all input.

    `exactness` is `UNKNOWN` with a `reason` where an operation's dependence is not modelled.
    `work` is the recurrence by which each axis was obtained, innermost layer last.
    """

    axes: tuple[AxisField, ...] = ()
    is_global: bool = False
    exactness: Exactness = Exactness.EXACT
    reason: str = ""
    work: tuple[str, ...] = ()


@final
@dataclass(frozen=True)
class ParameterValues:
    """What is known of a parameter's numbers: what symmetry there is in them.

    Units are the slices along the first dimension, inputs those along the second.
    """

    constant: float | None = None
    """The number that all elements are; `None` where they differ."""
    are_units_alike: bool = False
    are_inputs_alike: bool = False


@final
@dataclass(frozen=True)
class ParameterRecord:
    """One parameter tensor. `shared_with` names the first parameter that is the same tensor."""

    name: str
    shape: TensorShape
    is_trainable: bool = True
    shared_with: str = ""
    is_used: bool = True
    """False when no operation used it, nor the making of the loss where there is one."""
    values: ParameterValues | None = None
    """`None` where it has no numbers (meta device)."""


@final
@dataclass(frozen=True)
class OutputSize:
    """Size of one dimension of a layer's output, as arithmetic on the size of its input."""

    axis: str
    """`channels`, `height`, `width`, `length`, `features`, ..."""
    expression: Expression


@final
@dataclass(frozen=True)
class LayerRecord:
    """One call of one module: its own operations, without those of modules inside it.

    `name` is the qualified name, empty for the network itself; `call` counts calls of the
    module from 0. Parameters stand at the first call only. `macs` counts multiply-accumulates.
    """

    name: str
    type: str
    call: int = 0
    depth: int = 0
    is_leaf: bool = True
    inputs: tuple[TensorShape, ...] = ()
    outputs: tuple[TensorShape, ...] = ()
    weights: Count = NOTHING
    biases: Count = NOTHING
    macs: Count = NOTHING
    padding_macs: Count = NOTHING
    """Multiply-accumulates that are spent on zeros outside the image."""
    connections: Count = NOTHING
    """Taps that fall inside the image, biases not counted."""
    activations: Count = NOTHING
    """Elements of the outputs."""
    dense_equivalent: Count = NOTHING
    """Weights of a fully connected layer between the same activations."""
    saved_bytes: Count = NOTHING
    """Bytes that autograd keeps for backward, storages counted once, parameters not at all."""
    sizes: tuple[OutputSize, ...] = ()
    receptive_field: ReceptiveField | None = None
    is_frozen: bool = False
    is_shared: bool = False
    options: tuple[tuple[str, str], ...] = ()
    """Options that judge the layer (`p` of dropout, `bias`, `stride`, ...), as text."""
    site: Site | None = None


@final
@dataclass(frozen=True)
class KernelWindow:
    """How the kernel of a convolution or pooling slides: one number for each spatial axis.

    `inputs` and `outputs` are the sizes of the maps, `padding` that before each axis.
    """

    kernel: tuple[int, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int = 1
    is_transposed: bool = False


@final
@dataclass(frozen=True)
class DropoutRecord:
    """One dropout and the `probability` of a zero; in evaluation mode it is no operation.

    It is applied to the result of operation `after` (-1: the network's input), and what reads
    that result from operation `before` on reads what it left over.
    """

    layer: str
    probability: float
    after: int
    before: int
    call: int = 0
    is_always_on: bool = False
    """True where it drops units in evaluation mode as well."""
    site: Site | None = None


@final
@dataclass(frozen=True)
class OperationRecord:
    """One operator call: its kind, the layer call (`layer`, `call`) in which it ran, its cost.

    `inputs` are the indices of the operations whose results it used; -1 is the network's input.
    """

    index: int
    kind: str
    layer: str
    call: int
    inputs: tuple[int, ...]
    outputs: tuple[TensorShape, ...]
    macs: Count = NOTHING
    site: Site | None = None
    parameters: tuple[str, ...] = ()
    """Parameters that it uses itself, by name; a transposed weight is used by the transposition."""
    window: KernelWindow | None = None
    axis: int | None = None
    """Dimension along which a softmax normalises, from 0."""


@final
@dataclass(frozen=True)
class Memory:
    """Bytes that a training step needs, and what the figure assumes."""

    weights: int = 0
    gradients: int = 0
    optimizer_states: dict[str, int] = field(default_factory=dict)
    """Per optimiser: `SGD`, `SGD with momentum`, `Adam`, ..."""
    saved: Count = NOTHING
    forward_peak: Count = NOTHING
    """Most bytes of activations alive at one moment of a forward pass without gradients.

    Inputs included; parameters and buffers not.
    """
    training_peak: Count = NOTHING
    """The same with gradients, in training mode, before the backward pass begins."""
    assumptions: tuple[str, ...] = ()


@final
@dataclass(frozen=True)
class Architecture:
    """A network, traced at one example input."""

    name: str
    inputs: tuple[TensorShape, ...] = ()
    outputs: tuple[TensorShape, ...] = ()
    layers: tuple[LayerRecord, ...] = ()
    operations: tuple[OperationRecord, ...] = ()
    output_operations: tuple[int, ...] = ()
    """Indices of the operations that made the outputs."""
    dropouts: tuple[DropoutRecord, ...] = ()
    parameters: tuple[ParameterRecord, ...] = ()
    uncalled: tuple[str, ...] = ()
    """Modules that were defined and never called, outermost only."""
    memory: Memory = field(default_factory=Memory)
    notes: tuple[str, ...] = ()
    """What could not be counted or traced, in plain sentences."""
    is_traced: bool = True
    """False when the run stopped half-way; `notes` says where and why."""
    loss_kind: str = ""
