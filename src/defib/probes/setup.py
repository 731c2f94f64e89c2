"""A training at the moment before its first backward pass, and copies of it to experiment on."""

from __future__ import annotations

import copy
import sys
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, final

import torch
from torch import Tensor, nn

from defib.analysis.nested_tensors import tensors_in
from defib.discovery.graph import Graph
from defib.discovery.keras_layers import evaluation_keywords
from defib.discovery.losses import LossReading
from defib.discovery.models import NamedParameter
from defib.monitor.transfer import is_true
from defib.probes.loader_batches import LoaderBatches
from defib.probes.measurements import CannotMeasure
from defib.probes.tape import CannotReplay, Entry, SeenLoss, modules_of, replayed, steps_to

ROUNDING = {torch.float64: 1e-9, torch.float32: 1e-4}
"""Relative difference of two runs on the same batch that rounding explains, by element type of
the loss; kernels may add in another order."""
HALF_ROUNDING = 2e-2
BUDGET_SECONDS = 8.0
"""For all probes together: with the rest, `defib check` stays within 10 s."""


@final
@dataclass(frozen=True)
class Budget:
    """Time until `deadline`, a reading of `clock` in seconds."""

    deadline: float
    clock: Callable[[], float] = time.perf_counter

    @property
    def left(self) -> float:
        return self.deadline - self.clock()


@final
@dataclass(frozen=True)
class Load:
    """A call of `load_state_dict` with `strict=False`: how many keys of the network it was to
    fill, how many of them the state did not have, and how many of the state's were left over."""

    network: weakref.ref[nn.Module]
    keys: int
    missing: int
    unexpected: int


@final
@dataclass(frozen=True, eq=False)
class Setup:
    """The user's live objects, which nothing may change, and helpers that copy them.

    `loss` still has its graph. `optimizer_names` are those of the record. `is_readable` is
    false where hooks on saved tensors are active: reading one would run them.
    """

    network: nn.Module
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]
    outputs: Any
    loss: Tensor
    reading: LossReading
    graph: Graph
    parameters: tuple[NamedParameter, ...]
    optimizers: Mapping[str, Any]
    entries: tuple[Entry, ...] = ()
    loss_calls: tuple[SeenLoss, ...] = ()
    loader: LoaderBatches | None = None
    """The loader that gave a batch last."""
    loaders: tuple[LoaderBatches, ...] = ()
    """All loaders that gave a batch, in order."""
    other_loaders: tuple[LoaderBatches, ...] = ()
    """Living loaders that gave none yet."""
    loads: tuple[Load, ...] = ()
    budget: Budget = field(default_factory=lambda: Budget(time.perf_counter() + BUDGET_SECONDS))
    is_readable: bool = True

    @cached_property
    def steps(self) -> tuple[Entry, ...]:
        """What the user's code did to make the loss. Raises `CannotMeasure` if not seen."""
        try:
            return steps_to(self.loss, self.entries)
        except CannotReplay as reason:
            raise CannotMeasure(str(reason)) from reason

    @cached_property
    def own_losses(self) -> tuple[SeenLoss, ...]:
        """The loss functions whose results the loss is made of; the last seen is the last."""
        made = _nodes_behind(self.loss)
        return tuple(each for each in self.loss_calls if each.result.grad_fn in made)

    @property
    def main_loss(self) -> SeenLoss:
        """The only loss function. Raises `CannotMeasure` where there is none, or several."""
        if len(self.own_losses) != 1:
            raise CannotMeasure(
                "the loss is made of several loss functions"
                if self.own_losses
                else "the loss is none of torch's loss functions"
            )
        return self.own_losses[0]

    @property
    def output(self) -> Tensor:
        """The first floating tensor that the network gave."""
        found = [each for each in tensors_in(self.outputs) if each.is_floating_point()]
        if not found:
            raise CannotMeasure("the network gives no tensor of real numbers")
        return found[0]

    @cached_property
    def optimizer_name(self) -> str:
        """The optimiser that holds most of what the loss reaches; empty if none does."""
        reached = self.graph.reached

        def share(name: str) -> int:
            groups = self.optimizers[name].param_groups
            return sum(id(each) in reached for group in groups for each in group["params"])

        best = max(self.optimizers, key=share, default="")
        return best if best and share(best) else ""

    def network_copy(self) -> nn.Module:
        """A copy of the network alone, with its buffers and modes, on its device."""
        [copied], _ = _copies([self.network])
        return copied

    def evaluation_copy(self) -> tuple[nn.Module, tuple[tuple[Any, ...], dict[str, Any]]]:
        """A copy of the network that does not train, and the arguments and keywords it is given."""
        network = self.network_copy().eval()
        return network, (self.arguments, evaluation_keywords(network, self.keywords))

    def replica(self) -> Replica:
        """Copies of network, optimisers and all that makes the loss.

        Raises `CannotMeasure` where they do not give the user's loss again.
        """
        _ = self._is_reproduced
        return Replica(self)

    @cached_property
    def _is_reproduced(self) -> bool:
        replica = Replica(self)
        again = replica.loss(restores_randomness=True).detach().double()
        limit = ROUNDING.get(self.loss.dtype, HALF_ROUNDING)
        loss = self.loss.detach().double()
        difference = (again - loss).abs()
        is_same = (difference <= limit * loss.abs().clamp_min(limit)) | (
            again.isnan() & loss.isnan()
        )
        if not is_true(is_same.all()):
            raise CannotMeasure("a copy of the network gives another loss for the same batch")
        return True


@final
class Replica:
    """Copies that belong together; training them leaves the user's objects alone."""

    def __init__(self, setup: Setup) -> None:
        modules = modules_of(setup.steps)
        optimizers = list(setup.optimizers.values())
        originals = [setup.network, *modules]
        copied, memo = _copies(originals)
        _match_keras_variables(originals, copied, memo)
        copied += _copies(optimizers, memo)[0]
        self.network: nn.Module = copied[0]
        self.modules: tuple[nn.Module, ...] = tuple(
            {id(m): m for each in copied[: 1 + len(modules)] for m in each.modules()}.values()
        )
        self._setup = setup
        self._memo = memo
        self._optimizers = dict(zip(setup.optimizers, copied[1 + len(modules) :], strict=True))
        for original, each in zip(optimizers, self._optimizers.values(), strict=True):
            _complete(original, each, memo)
        for each in self.parameters.values():
            each.grad = None

    @cached_property
    def parameters(self) -> dict[str, Tensor]:
        """The copies of the trained parameters by their names in the record."""
        return {
            each.name: self._memo[id(each.tensor)]
            for each in self._setup.parameters
            if id(each.tensor) in self._memo and each.tensor.requires_grad
        }

    @property
    def optimizer(self) -> Any:
        """The copy of the optimiser. Raises `CannotMeasure` where none holds the parameters."""
        name = self._setup.optimizer_name
        if not name:
            raise CannotMeasure("no optimizer of torch holds the parameters")
        return self._optimizers[name]

    def loss(
        self, *, inputs: Mapping[int, Any] | None = None, restores_randomness: bool = False
    ) -> Tensor:
        """The loss of the copies, with `inputs[id(tensor)]` in place of a tensor."""
        return self.results(inputs=inputs, restores_randomness=restores_randomness)[0]

    def results(
        self, *, inputs: Mapping[int, Any] | None = None, restores_randomness: bool = False
    ) -> tuple[Tensor, Mapping[int, Any]]:
        """The loss, and by identity of each of the user's tensors what the copies have for it."""
        try:
            with torch.enable_grad():
                return replayed(
                    self._setup.loss,
                    self._setup.steps,
                    {**_by_identity(self._memo), **(inputs or {})},
                    restores_randomness=restores_randomness,
                )
        except CannotReplay as reason:
            raise CannotMeasure(str(reason)) from reason


def _complete(original: Any, copied: Any, memo: dict[int, Any]) -> None:
    """Copy what an optimiser does not hand to its copies (LBFGS: its list of parameters)."""
    for name in vars(original).keys() - vars(copied).keys() - {"step"}:
        setattr(copied, name, copy.deepcopy(vars(original)[name], memo))
    # Schedules put a bound `step` there, which would step the user's own parameters.
    vars(copied).pop("step", None)


def _by_identity(memo: Mapping[int, Any]) -> dict[int, Any]:
    kinds = (nn.Module, Tensor)
    return {key: each for key, each in memo.items() if isinstance(each, kinds)}


def _match_keras_variables(
    originals: list[nn.Module], copied: list[nn.Module], memo: dict[int, Any]
) -> None:
    """Note the copies of variables: Keras copies a layer by writing it down and reading it."""
    keras: Any = sys.modules.get("keras")
    if keras is None:
        return
    for original, other in zip(originals, copied, strict=True):
        if isinstance(original, keras.layers.Layer):
            pairs = zip(original.variables, other.variables, strict=True)  # type: ignore[arg-type]
            memo |= {id(old.value): new.value for old, new in pairs}  # type: ignore[union-attr]


def _copies(
    originals: list[Any], memo: dict[int, Any] | None = None
) -> tuple[list[Any], dict[int, Any]]:
    memo = {} if memo is None else memo
    for each in originals:
        if isinstance(each, nn.Module):
            _add_results(each, memo)
    try:
        return copy.deepcopy(originals, memo), memo
    except Exception as error:  # anything may be an attribute of a user's module
        raise CannotMeasure(f"the network cannot be copied ({type(error).__name__})") from error


def _add_results(network: nn.Module, memo: dict[int, Any]) -> None:
    """Let what a network keeps of its last run be copied: torch copies no results."""
    for module in network.modules():
        for each in tensors_in(list(vars(module).values())):
            if each.grad_fn is not None:
                memo[id(each)] = each.detach().clone()


def _nodes_behind(loss: Tensor) -> set[Any]:
    waiting, seen = [loss.grad_fn], set[Any]()
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting += [each for each, _ in node.next_functions]
    return seen
