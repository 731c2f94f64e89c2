"""Modes and freezes of the modules that made the first loss."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn

from defib.probes.base import Probe
from defib.probes.measurements import CannotMeasure, Measurements
from defib.probes.setup import Setup

DRAWS = 20
"""Fresh copies of a layer that show how its weights look when nobody has trained them."""
_STOCHASTIC = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._BatchNorm)


@final
class WiringFacts(Probe):
    """`idle_freeze`: trainable elements below modules with an attribute `requires_grad = False`.

    `idle_modes`: dropout and batch normalisation layers in evaluation mode whose parent network
    is in evaluation mode too, of `modes`. `frozen_head`, of the last layer with weights that ran:
    1 where all of them are frozen, though layers before it are trained; `fresh_head`: 1 where
    its weights cannot be told from those of a fresh copy of the layer.
    """

    measures = ("idle_freeze", "idle_modes", "frozen_head")
    order: ClassVar[int] = 101

    def measure(self, setup: Setup, into: Measurements) -> None:
        for name, module in setup.network.named_modules():
            if vars(module).get("requires_grad", True) is False:
                elements = sum(p.numel() for p in module.parameters() if p.requires_grad)
                into.single.add("idle_freeze", name, float(elements))
        into.single.add("idle_freeze", "", 0.0)
        layers = [each for each in setup.network.modules() if isinstance(each, _STOCHASTIC)]
        idle = [each for each in layers if not each.training]
        is_evaluated = not setup.network.training and len(idle) == len(layers)
        into.single.add("idle_modes", "", float(len(idle) if is_evaluated else 0))
        name, head = _last_layer(setup)
        own = list(head.parameters(recurse=False))
        is_frozen = not any(each.requires_grad for each in own)
        trained = [each for each in setup.parameters if each.tensor.requires_grad]
        into.single.add("frozen_head", name, float(is_frozen and bool(trained)))
        if is_frozen:
            into.single.add("fresh_head", name, float(_is_fresh(head)))


def _last_layer(setup: Setup) -> tuple[str, nn.Module]:
    """The last layer with parameters of its own that ran."""
    network = setup.network_copy()
    ran: list[str] = []
    for name, module in network.named_modules():
        if any(True for _ in module.parameters(recurse=False)):
            module.register_forward_hook(lambda *_, name=name: ran.append(name))
    with torch.no_grad():
        arguments, keywords = copy.deepcopy(
            ([_detached(each) for each in setup.arguments], dict(setup.keywords))
        )
        network(*arguments, **keywords)
    if not ran:
        raise CannotMeasure("no layer with parameters was seen to run")
    return ran[-1], setup.network.get_submodule(ran[-1])


def _detached(thing: Any) -> Any:
    return thing.detach() if isinstance(thing, Tensor) else thing


def _is_fresh(layer: nn.Module) -> bool:
    if not callable(getattr(layer, "reset_parameters", None)):
        return False
    shapes = [_shape_of(layer)]
    fresh = copy.deepcopy(layer)
    for _ in range(DRAWS):
        fresh.reset_parameters()  # type: ignore[operator]
        shapes.append(_shape_of(fresh))
    own, drawn = shapes[0], torch.tensor(shapes[1:])
    low, high = drawn.amin(0), drawn.amax(0)
    # As far again as the draws lie apart: another draw would hardly be farther out.
    slack = high - low + 1e-6
    values = torch.tensor(own)
    return bool(((values >= low - slack) & (values <= high + slack)).all())


def _shape_of(layer: nn.Module) -> list[float]:
    return [number for each in _weights(layer) for number in _numbers(each)]


def _weights(layer: nn.Module) -> Iterator[Tensor]:
    return (each.detach() for each in layer.parameters(recurse=False) if each.ndim >= 2)


def _numbers(weight: Tensor) -> list[float]:
    """Spread, reach and heaviness of the tails of a weight's entries."""
    flat = weight.reshape(-1).double()
    deviation = flat.std().clamp_min(1e-30)
    tails = (flat / deviation).pow(4).mean()
    return torch.stack([deviation, flat.abs().max(), tails]).tolist()
