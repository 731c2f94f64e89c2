"""Signals and gradients of a real model, measured and beside what theory predicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from defib.analysis.signal_propagation.layer_signals import layer_signals
from defib.analysis.signal_propagation.layers import find_layers
from defib.analysis.signal_propagation.left_as_found import left_as_found
from defib.analysis.signal_propagation.moments import moments
from defib.analysis.signal_propagation.results import Moments, SignalPropagation
from defib.analysis.signal_propagation.signal_graph import Trace, is_real
from defib.analysis.signal_propagation.tracing import SignalTracing
from defib.discovery.tensors import tensors_in
from defib.errors import UsageError


def random_batch(
    model: nn.Module,
    shape: Sequence[int],
    *,
    mean: float = 0.0,
    deviation: float = 1.0,
    seed: int = 0,
) -> Tensor:
    """Normal numbers of the given shape (batch first), of the model's type, on its device."""
    generator = torch.Generator().manual_seed(seed)
    batch = mean + deviation * torch.randn(tuple(shape), generator=generator, dtype=torch.float64)
    like = next((each for each in model.parameters() if each.is_floating_point()), None)
    return batch.to(torch.get_default_dtype()) if like is None else batch.to(like)


def measure_signal_propagation(model: nn.Module, *inputs: Any, seed: int = 0) -> SignalPropagation:
    """Per layer the moments of values and gradients, for one batch and in the modes as found.

    Gradients are those of a normal cotangent of unit variance at every real output, drawn from
    `seed`, as is all that the model itself draws. The model is left as found; its inputs are
    copied. An error of the model is raised as it is.
    """
    _check(model)
    layers = find_layers(model)
    with left_as_found(model, seed=seed), torch.inference_mode(False), torch.enable_grad():
        tracing = SignalTracing(layers)
        try:
            given = [_fresh(each) for each in inputs]
            tracing.begin(given)
            with tracing:
                result = model(*given)
            trace = tracing.finish(result)
        finally:
            tracing.detach()
        gradients = _gradients(trace, result, seed)
    return SignalPropagation(layer_signals(trace, gradients), tracing.never_called())


def _check(model: nn.Module) -> None:
    for name, parameter in model.named_parameters():
        if is_lazy(parameter):
            raise UsageError(f"`{name}` has no shape yet. Run the model once on a batch before.")
        if parameter.is_meta:
            raise UsageError(f"`{name}` has no values (device meta). Give a model with values.")


def _fresh(given: Any) -> Any:
    """A copy that autograd follows, so that frozen models have gradients too.

    No leaf: the model may change its input in place.
    """
    if isinstance(given, Tensor):
        copy = given.detach().clone()
        return copy.requires_grad_().clone() if is_real(copy) else copy
    if isinstance(given, list | tuple):
        return type(given)(_fresh(each) for each in given)
    if isinstance(given, dict):
        return {name: _fresh(each) for name, each in given.items()}
    return given


def _gradients(trace: Trace, result: Any, seed: int) -> tuple[Moments | None, ...]:
    results = [each for each in tensors_in(result) if is_real(each) and each.requires_grad]
    edges = [node.edge for node in trace.nodes if node.edge is not None]
    if not results or not edges:
        return (None,) * len(trace.nodes)
    generator = torch.Generator().manual_seed(seed)
    cotangents = [
        torch.randn(each.shape, generator=generator, dtype=torch.float64).to(each)
        for each in results
    ]
    found = iter(torch.autograd.grad(results, edges, cotangents, allow_unused=True))
    gradients = [None if node.edge is None else next(found) for node in trace.nodes]
    return tuple(None if each is None else moments(each) for each in gradients)
