"""Which modules own the trained parameters, and what everything is called."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import nn

from defib.discovery.creation import Creations

# Wrappers whose only child is the user's model; their name would only lengthen the others.
_WRAPPERS = {"DistributedDataParallel": "module", "DataParallel": "module"}
_COMPILED_PREFIX = "_orig_mod."


Arrange = Callable[[torch.Tensor], torch.Tensor]


@final
@dataclass(frozen=True)
class NamedParameter:
    """A parameter of a trained model and the module that owns it (`None` for loose tensors).

    `arrange` gives the view that torch would have: units first, then inputs, then positions,
    and one axis for what is no weight. `None` where the tensor is so.
    """

    name: str
    layer: str
    tensor: torch.Tensor
    owner: nn.Module | None
    arrange: Arrange | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Units, inputs, positions."""
        tensor = self.tensor.detach()
        return tuple((self.arrange(tensor) if self.arrange else tensor).shape)


def name_parameters(
    trained: Iterable[torch.Tensor], creations: Creations
) -> tuple[NamedParameter, ...]:
    """Every parameter of the models that own any of `trained`, then the loose ones.

    Names are qualified as in `named_parameters()`; where there are several models, each
    name starts with its model's class name in lower case.
    """
    wanted = {id(tensor): tensor for tensor in trained}
    roots = _owning_roots(wanted, list(creations.living(nn.Module)))
    if _missing(wanted, roots):
        # Copies and unpickled modules never ran a constructor: look through all objects once.
        every = [thing for thing in gc.get_objects() if _is_module(thing)]
        roots = _owning_roots(wanted, every)
    named = [
        parameter
        for prefix, root in zip(_prefixes(roots), roots, strict=True)
        for parameter in parameters_of(root, prefix)
    ]
    known = {id(parameter.tensor) for parameter in named}
    loose = [tensor for key, tensor in wanted.items() if key not in known]
    named += [
        NamedParameter(f"parameter_{number}", "", tensor, None)
        for number, tensor in enumerate(loose)
    ]
    return tuple(named)


def _is_module(thing: object) -> bool:
    # `type` and not `isinstance`: proxies answer the latter by running user code.
    return issubclass(type(thing), nn.Module)


def _owning_roots(wanted: dict[int, torch.Tensor], modules: Sequence[nn.Module]) -> list[nn.Module]:
    children = {id(child) for module in modules for child in module._modules.values()}
    roots = [module for module in modules if id(module) not in children]
    return [
        root
        for root in roots
        if "_modules" in root.__dict__ and any(id(each) in wanted for each in root.parameters())
    ]


def _missing(wanted: dict[int, torch.Tensor], roots: Iterable[nn.Module]) -> bool:
    owned = {id(parameter) for root in roots for parameter in root.parameters()}
    return any(key not in owned for key in wanted)


def _prefixes(roots: Sequence[nn.Module]) -> list[str]:
    if len(roots) == 1:
        return [""]
    names = [type(root).__name__.lower() for root in roots]
    return [
        f"{name}." if names.count(name) == 1 else f"{name}{names[: number + 1].count(name)}."
        for number, name in enumerate(names)
    ]


def parameters_of(root: nn.Module, prefix: str = "") -> list[NamedParameter]:
    """The parameters of a module and those within it, each once."""
    while type(root).__name__ in _WRAPPERS:
        root = getattr(root, _WRAPPERS[type(root).__name__])
    found: list[NamedParameter] = []
    seen: set[int] = set()
    root_name = type(root).__name__.lower()
    for module_name, module in root.named_modules():
        # A root that is itself a layer has no name of its own: it takes its class's.
        layer = (prefix + module_name.replace(_COMPILED_PREFIX, "")).rstrip(".") or root_name
        for name, tensor in module._parameters.items():
            if tensor is None or id(tensor) in seen:
                continue
            seen.add(id(tensor))
            found.append(NamedParameter(f"{layer}.{name}", layer, tensor, module))
    return found
