"""The network that a script trains, and its first batch: the script runs until it trains."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, final

from defib.errors import UsageError
from defib.script.first_backward import (
    FirstBackward,
    held_by,
    loss_kind_of,
    nothing_trained,
    unwrapped,
)
from defib.script.launch import run_script


@final
@dataclass(frozen=True)
class FirstBatch:
    """A network as it was called for the first backward pass of a script.

    `network` is an `nn.Module`. `loss_kind` is that of `discovery.losses`; `optimizer` the
    class that holds its parameters, as `SGD with momentum`. Both empty where not known.
    """

    network: Any  # torch is imported by the script first
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]
    loss_kind: str = ""
    optimizer: str = ""


def first_batch_of(script: str, arguments: Sequence[str]) -> FirstBatch:
    """What `python script arguments` trains first, run in this process.

    Raises `UsageError` where the script ends without a backward pass through a network.
    """
    watch = FirstBackward()
    outcome = watch.run(partial(run_script, script, arguments))
    moment = watch.moment
    if moment is None:
        raise UsageError(nothing_trained(script, outcome))
    own = {id(each) for each in moment.call.module.parameters()}
    return FirstBatch(
        unwrapped(moment.call.module),
        moment.call.arguments,
        dict(moment.call.keywords),
        loss_kind_of(moment.losses),
        _optimizer_name(moment.optimizers, own),
    )


def _optimizer_name(optimizers: Iterable[Any], own: set[int]) -> str:
    def share(optimizer: Any) -> int:
        return sum(id(each) in own for each in held_by(optimizer))

    chosen = max(optimizers, key=share, default=None)
    if chosen is None or share(chosen) == 0:
        return ""
    name = type(chosen).__name__
    has_momentum = name == "SGD" and any(group["momentum"] for group in chosen.param_groups)
    return f"{name} with momentum" if has_momentum else name
