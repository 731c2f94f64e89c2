"""What Keras calls its layers and parameters, and what its optimisers train."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, final

from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

from defib.discovery.creation import Creations
from defib.discovery.keras_layers import inputs_last_moved, units_last_moved
from defib.discovery.models import Arrange, NamedParameter, parameters_of

# Of a package that may be missing, and that defib must not be the first to import.
Keras = Any
Layer = Any
Variable = Any


@final
class LayerNames:
    """Names of Keras layers: `hidden`, within others `encoder.hidden`; never the model's own.

    Keras numbers the layers that the user did not name, so most names are unique without
    the model's; where one is taken, the model's name goes before it. A name once given stays.
    """

    def __init__(self, keras: Keras, creations: Creations) -> None:
        self._keras = keras
        self._creations = creations
        self._names = WeakIdKeyDictionary()
        self._taken: set[str] = set()

    def name_parameters(self, tensors: Sequence[Tensor]) -> list[NamedParameter]:
        """All parameters of the Keras models that own any of `tensors`, in their order."""
        self._taken = set(self._names.values())
        wanted = {id(tensor) for tensor in tensors}
        found = self._find(wanted, list(self._creations.living(self._keras.Layer)))
        if not wanted <= found.keys():
            # Made before the watch: look through all objects, as for modules of torch.
            every = [thing for thing in gc.get_objects() if self._is_layer(thing)]
            found = self._find(wanted, every)
        return list(found.values())

    def _is_layer(self, thing: object) -> bool:
        # `type` and not `isinstance`: proxies answer the latter by running user code.
        return issubclass(type(thing), self._keras.Layer)

    def _find(self, wanted: set[int], layers: Sequence[Layer]) -> dict[int, NamedParameter]:
        # Torch's list of children has what Keras hides: the functional model of a `Sequential`.
        children = {
            id(child)
            for layer in layers
            for child in (*_children(layer), *layer.__dict__.get("_modules", {}).values())
        }
        found: dict[int, NamedParameter] = {}
        for root in layers:
            if id(root) in children or not (_tensors(root) & wanted) - found.keys():
                continue
            owned = {id(each.tensor): each for each in self._parameters(root, root, ())}
            # Models may share layers: of an encoder and the autoencoder around it, the order
            # of the latter counts.
            found = owned | found if owned.keys() >= found.keys() else found | owned
        return found

    def _parameters(
        self, root: Layer, layer: Layer, path: tuple[str, ...]
    ) -> Iterator[NamedParameter]:
        if isinstance(layer, self._keras.layers.TorchModuleWrapper):
            yield from parameters_of(layer.module, f"{self._name(root, layer, path)}.")
            return
        yield from self._own(root, layer, layer, path)
        for child in _children(layer):
            if isinstance(layer, self._keras.layers.RNN) and not _children(child):
                # The user wrote `LSTM`, not the cell in it.
                yield from self._own(root, layer, child, path)
            else:
                yield from self._parameters(root, child, (*path, child.name))

    def _own(
        self, root: Layer, layer: Layer, holder: Layer, path: tuple[str, ...]
    ) -> Iterator[NamedParameter]:
        for variable in _variables(holder):
            name = self._name(root, layer, path)
            arrange = self._arrange(layer, variable)
            yield NamedParameter(f"{name}.{variable.name}", name, variable.value, layer, arrange)

    def _name(self, root: Layer, layer: Layer, path: tuple[str, ...]) -> str:
        known = self._names.get(layer)
        if known is None:
            name = ".".join(path) or root.name
            known = name if name not in self._taken else f"{root.name}.{name}"
            number = 2
            while known in self._taken:
                known, number = f"{root.name}.{name}_{number}", number + 1
            self._taken.add(known)
            self._names[layer] = known
        return known

    def _arrange(self, layer: Layer, variable: Variable) -> Arrange | None:
        if len(variable.shape) < 2 or isinstance(layer, self._keras.layers.Embedding):
            return None
        if any(word in variable.name for word in _VECTORS):
            return _flattened
        if isinstance(layer, self._keras.layers.EinsumDense):
            return _einsum_arrangement(layer.equation)
        # Torch has the inputs of transposed convolutions first; the units matter here.
        return inputs_last_moved if "Transpose" in type(layer).__name__ else units_last_moved


_VECTORS = ("bias", "gamma", "beta", "scale", "alpha")
"""Parts of the names of variables that hold one number for each unit, whatever their shape."""


def _flattened(tensor: Tensor) -> Tensor:
    return tensor.reshape(-1)


def _einsum_arrangement(equation: str) -> Arrange:
    """Of `abc,cde->abde`, a query of attention: units `de` together, then inputs `c`."""
    operands, result = equation.split("->")
    kernel = operands.split(",")[1]
    units = [axis for axis, letter in enumerate(kernel) if letter in result]
    return partial(_units_first, units=units)


def _units_first(tensor: Tensor, units: Sequence[int]) -> Tensor:
    first = tensor.movedim(tuple(units), tuple(range(len(units))))
    return first.flatten(0, len(units) - 1) if units else tensor


def _children(layer: Layer) -> Sequence[Layer]:
    # `__dict__`: a layer whose constructor still runs has none.
    return layer.__dict__.get("_layers", ())


def _variables(owner: Any) -> Sequence[Variable]:
    # The public attributes leave out what is frozen, or add what belongs to others.
    return owner.__dict__.get("_trainable_variables", ())


def _tensors(layer: Layer) -> set[int]:
    """Identities of the parameters of a layer and those within it."""
    own = {id(variable.value) for variable in _variables(layer)}
    return own.union(*map(_tensors, _children(layer)))


def parameter_groups(optimizer: Any) -> list[Mapping[str, Any]]:
    """The one parameter group of a Keras optimiser, by torch's names; none before it is built."""
    variables = _variables(optimizer)
    if not variables:
        return []
    group = {
        "params": [variable.value for variable in variables],
        "lr": plain_value(optimizer.learning_rate),
        "momentum": getattr(optimizer, "momentum", 0.0),
        "weight_decay": optimizer.weight_decay or 0.0,
        "eps": getattr(optimizer, "epsilon", None),
        "rho": getattr(optimizer, "rho", None),
    }
    betas = [getattr(optimizer, name, None) for name in ("beta_1", "beta_2")]
    if None not in betas:
        group["betas"] = tuple(betas)
    return [group]


def plain_value(value: Any) -> Any:
    """The tensor of a variable of Keras; tensors and numbers as they are."""
    return getattr(value, "value", value)
