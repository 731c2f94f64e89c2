"""Parameters of a network: what they are for, at which layer they count, and their arithmetic."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import final

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from defib.analysis.functions.arguments import argument
from defib.analysis.functions.convolutions import SLIDING, TRANSPOSED
from defib.analysis.trace import ModuleCall, Trace, Value, shape_of
from defib.analysis.window import AXES
from defib.records.architecture import Count, ParameterRecord, TensorShape
from defib.records.expression import Expression, Integer, Product, total


class Role(Enum):
    """What a function does with a parameter."""

    CONVOLUTION = auto()
    TRANSPOSED_CONVOLUTION = auto()
    LINEAR = auto()
    EMBEDDING = auto()
    BIAS = auto()
    OTHER = auto()


_ROLES: dict[str, tuple[tuple[int, str, Role], ...]] = {
    **dict.fromkeys(SLIDING, ((1, "weight", Role.CONVOLUTION), (2, "bias", Role.BIAS))),
    **dict.fromkeys(
        TRANSPOSED, ((1, "weight", Role.TRANSPOSED_CONVOLUTION), (2, "bias", Role.BIAS))
    ),
    "batch_norm": ((4, "bias", Role.BIAS),),
    "bilinear": ((3, "bias", Role.BIAS),),
    "embedding": ((1, "weight", Role.EMBEDDING),),
    "group_norm": ((3, "bias", Role.BIAS),),
    "layer_norm": ((3, "bias", Role.BIAS),),
    "linear": ((1, "weight", Role.LINEAR), (2, "bias", Role.BIAS)),
}
"""By function: place and name of an argument, and what it is."""


@final
@dataclass(frozen=True)
class Holding:
    """The parameters that count at one module call."""

    weights: Count
    biases: Count
    is_frozen: bool
    is_shared: bool


@final
@dataclass(frozen=True)
class _Parameter:
    """One tensor under all of its names, the first of which identifies it."""

    tensor: Tensor
    names: tuple[str, ...]


def parameter_records(trace: Trace) -> tuple[ParameterRecord, ...]:
    """Every name of every parameter, in the order of the modules."""
    used = {value.parameter for each in trace.operations for value in each.inputs}
    parameters = {id(each.tensor): each for each in _parameters(trace.network)}
    records: list[ParameterRecord] = []
    for name, tensor in trace.network.named_parameters(remove_duplicate=False):
        first = parameters[id(tensor)].names[0]
        records.append(
            ParameterRecord(
                name,
                _shape(tensor),
                is_trainable=tensor.requires_grad,
                shared_with="" if name == first else first,
                # A run that stopped half-way does not tell.
                is_used=first in used or trace.failure is not None,
            )
        )
    return tuple(records)


def with_uses(
    records: Iterable[ParameterRecord], network: nn.Module, used: Collection[int]
) -> tuple[ParameterRecord, ...]:
    """The records of `network`, in which the parameters with the identities `used` are used: the
    loss may read a parameter itself."""
    tensors = dict(network.named_parameters(remove_duplicate=False))
    return tuple(
        replace(each, is_used=each.is_used or id(tensors.get(each.name)) in used)
        for each in records
    )


def holdings(trace: Trace, calls: Iterable[ModuleCall]) -> dict[int, Holding]:
    """By index of a module call: the parameters that count there.

    A parameter counts at the first call of a module that holds it, or else at the nearest
    called module around it. What is called again counts nothing again.
    """
    first_calls: dict[str, ModuleCall] = {}
    indices: dict[int, ModuleCall] = {}
    for call in calls:
        indices.setdefault(id(call.module), call)
    for name, module in trace.network.named_modules(remove_duplicate=False):
        if id(module) in indices:
            first_calls[name] = indices[id(module)]
    roles = _roles(trace)
    held: defaultdict[int, list[_Parameter]] = defaultdict(list)
    for parameter in _parameters(trace.network):
        held[_place(parameter, first_calls).index].append(parameter)
    shared = {
        id(each.tensor)
        for each in _parameters(trace.network)
        if _has_several_owners(each, trace.network)
    }
    return {
        call.index: _holding(held[call.index], call, roles, shared) for call in indices.values()
    }


def _holding(
    parameters: list[_Parameter], call: ModuleCall, roles: dict[str, Role], shared: set[int]
) -> Holding:
    weights: list[Expression] = []
    biases: list[Expression] = []
    for each in parameters:
        name = each.names[0]
        role = roles.get(name, Role.OTHER)
        dimensions = _shape(each.tensor).dimensions
        if role is Role.BIAS or (role is Role.OTHER and _is_named_bias(name)):
            biases.append(_arithmetic(dimensions, Role.BIAS))
        else:
            weights.append(_arithmetic(dimensions, role))
    own = [each for each in call.module._parameters.values() if each is not None]
    tensors = [*own, *(each.tensor for each in parameters)]
    return Holding(
        Count(total(weights)),
        Count(total(biases)),
        is_frozen=bool(tensors) and not any(each.requires_grad for each in tensors),
        is_shared=any(id(each) in shared for each in tensors),
    )


def _arithmetic(dimensions: tuple[int, ...], role: Role) -> Expression:
    """Elements of a parameter, its dimensions in the order of a lecturer."""
    if role in (Role.CONVOLUTION, Role.TRANSPOSED_CONVOLUTION):
        outputs, inputs, *kernel = dimensions
        if role is Role.TRANSPOSED_CONVOLUTION:
            outputs, inputs = inputs, outputs
        names = AXES[len(kernel)]
        taps = [Integer(size, f"kernel {name}") for size, name in zip(kernel, names, strict=True)]
        field = Product((*taps, Integer(inputs, "input channels")))
        return Product((field, Integer(outputs, "output channels")))
    if role is Role.LINEAR and len(dimensions) == 2:
        outputs, inputs = dimensions
        return Product((Integer(inputs, "input features"), Integer(outputs, "output features")))
    if role is Role.EMBEDDING and len(dimensions) == 2:
        entries, features = dimensions
        return Product((Integer(entries, "entries"), Integer(features, "features")))
    label = "biases" if role is Role.BIAS else "size"
    factors = tuple(Integer(size, label) for size in dimensions)
    if not factors:
        return Integer(1, label)
    return factors[0] if len(factors) == 1 else Product(factors)


def _roles(trace: Trace) -> dict[str, Role]:
    """What functions did with each parameter, by its first name."""
    found: dict[str, Role] = {}
    for call in trace.functions:
        for place, name, role in _ROLES.get(call.name, ()):
            value = argument(call, place, name)
            if isinstance(value, Value) and value.parameter:
                # A matrix that embeds and is used as weights again is read as its first use.
                found.setdefault(value.parameter, role)
    return found


def _parameters(network: nn.Module) -> tuple[_Parameter, ...]:
    names: defaultdict[int, list[str]] = defaultdict(list)
    tensors: dict[int, Tensor] = {}
    for name, tensor in network.named_parameters(remove_duplicate=False):
        names[id(tensor)].append(name)
        tensors[id(tensor)] = tensor
    return tuple(_Parameter(tensors[key], tuple(names[key])) for key in tensors)


def _place(parameter: _Parameter, calls: dict[str, ModuleCall]) -> ModuleCall:
    """The call at which a parameter counts."""
    owners = [name.rpartition(".")[0] for name in parameter.names]
    called = [calls[owner] for owner in owners if owner in calls]
    around = called or [calls[_nearest(owner, calls)] for owner in owners]
    return min(around, key=lambda call: call.index)


def _nearest(name: str, calls: dict[str, ModuleCall]) -> str:
    while name and name not in calls:
        name = name.rpartition(".")[0]
    return name


def _has_several_owners(parameter: _Parameter, network: nn.Module) -> bool:
    if len(parameter.names) == 1:
        return False
    owners = {id(network.get_submodule(name.rpartition(".")[0])) for name in parameter.names}
    return len(owners) > 1


def _is_named_bias(name: str) -> bool:
    """Whether the last part that is a name of its own is a bias (`bias_ih_l0`, `in_proj_bias`)."""
    parts = name.split(".")
    # `parametrizations.bias.original` is a bias.
    own = parts[-2] if parts[-1].startswith("original") and len(parts) > 1 else parts[-1]
    return "bias" in own.split("_")


def _shape(tensor: Tensor) -> TensorShape:
    # A lazy parameter whose layer was never called has no elements yet.
    return TensorShape((0,)) if is_lazy(tensor) else shape_of(tensor)
