"""Follows signals through one forward pass of a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, final

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from defib.analysis.signal_propagation.called_functions import FunctionCall
from defib.analysis.signal_propagation.layers import weight_scale
from defib.analysis.signal_propagation.moments import moments
from defib.analysis.signal_propagation.signal_graph import (
    LayerCall,
    Node,
    SignalGraph,
    Tag,
    Trace,
    gradient_edge,
    is_real,
)
from defib.discovery.tensors import tensors_in


@final
@dataclass(frozen=True, eq=False)
class _Open:
    """A layer that is being called."""

    received: Tensor | None
    parent: Tag | None


@final
class SignalTracing(TorchFunctionMode):
    """While entered, follows signals between the given layers. Remove its hooks by `detach`.

    A function mode sees `nn.ReLU`, `F.relu` and `x.relu_()` alike. What it does not know breaks
    the chain there, which the trace tells.
    """

    def __init__(self, layers: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self._graph = SignalGraph()
        self._open: list[_Open] = []
        self._calls = dict.fromkeys(layers, 0)
        self._handles: list[Any] = []  # torch has no public name for their type
        for name, layer in layers.items():
            self._attach(name, layer)

    def detach(self) -> None:
        """Remove every hook."""
        for handle in self._handles:
            handle.remove()

    def begin(self, inputs: Any) -> None:
        """Take the inputs of the model as the first nodes."""
        for tensor in tensors_in(inputs):
            if is_real(tensor):
                node = Node(None, 1.0, moments(tensor), gradient_edge(tensor))
                self._graph.add(node, tensor)

    def finish(self, result: Any) -> Trace:
        """The trace, for what the model returned."""
        return self._graph.trace(result)

    def never_called(self) -> tuple[str, ...]:
        """Names of layers that the forward pass did not call as modules."""
        return tuple(name for name, calls in self._calls.items() if calls == 0)

    def _attach(self, name: str, layer: nn.Module) -> None:
        def before(module: nn.Module, arguments: Any, keywords: Any) -> None:
            del module
            self._enter_layer((arguments, keywords))

        def after(module: nn.Module, arguments: Any, keywords: Any, returned: Any) -> None:
            del arguments, keywords
            self._leave_layer(name, module, returned)

        self._handles += [
            layer.register_forward_pre_hook(before, with_kwargs=True),
            layer.register_forward_hook(after, with_kwargs=True),
        ]

    def _enter_layer(self, arguments: Any) -> None:
        received = next(tensors_in(arguments), None)
        parent = self._graph.tag_of(received)
        self._graph.branch(tag for tag in self._graph.tags_in(arguments) if tag is not parent)
        self._open.append(_Open(received, parent))

    def _leave_layer(self, name: str, module: nn.Module, result: Any) -> None:
        # Left open until the end: what is computed here is no part of the model.
        opened, parent = self._open[-1], self._open[-1].parent
        returned = next(tensors_in(result), None)
        call = self._calls[name]
        self._calls[name] += 1
        if returned is not None and is_real(returned):
            node = Node(
                parent=None if parent is None else parent.node,
                factor=1.0 if parent is None else parent.factor,
                returned=moments(returned),
                edge=gradient_edge(returned),
                call=_layer_call((name, call), module, opened.received, returned),
            )
            self._graph.add(node, returned)
        self._open.pop()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        del types
        result = func(*args, **(kwargs or {}))
        if not self._open:
            name = getattr(func, "__name__", "")
            self._graph.observe(FunctionCall(name, args, kwargs or {}), result)
        return result


def _layer_call(
    label: tuple[str, int], module: nn.Module, received: Tensor | None, returned: Tensor
) -> LayerCall:
    kind = type(module).__name__
    if received is None or not is_real(received):
        return LayerCall(*label, kind, None, None)
    return LayerCall(*label, kind, moments(received), weight_scale(module, received, returned))
