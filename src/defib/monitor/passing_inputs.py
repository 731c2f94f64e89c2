"""Sees the inputs of the trained network as they pass, at training and in evaluations.

Between the steps that are looked at nothing is connected: a hook on all modules is there from the
end of such a step until the next backward, and while gradients are off, outside of a step.
Once anything is compiled nothing is: compiled networks would be compiled anew with the hook.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, final

import torch
from torch import Tensor, nn
from torch.jit._trace import is_tracing
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.utils.hooks import RemovableHandle

from defib.discovery.patches import Patches
from defib.discovery.sites import calling_path
from defib.discovery.tensors import tensors_in
from defib.monitor.evaluation import CallPath, label_of
from defib.monitor.examples import EVALUATION_WORDS, Examples, Overlap, fingerprints_of
from defib.monitor.observable import is_observable

IDLE_PHASES = 500
"""Times that gradients were off without an evaluation, after which that is no sign of one: some
loops switch them off in each step."""
IDLE_BATCHES = 64
"""Batches without gradients, after which only a loss shows that this is an evaluation."""
SINGLE_CALLS = 5
"""Looks at which the known network was called once, after which a call in training mode is taken
for the only one. Before, the last call counts: some evaluate with gradients before they train."""
CALLS_MISSED = 3
"""Looks at which the known network was not called and another one was: that is trained now."""


@final
@dataclass
class _Batch:
    """A batch that passed without gradients, before it is known whether it is an evaluation's."""

    path: CallPath
    step: int
    examples: int
    fingerprints: Tensor | None


@final
class PassingInputs:
    """Takes the inputs of the outermost trained module that is called with gradients first.

    `connect` and `disconnect` attach the hook and take it away; they are set when watching begins.
    """

    def __init__(self, step: Callable[[], int]) -> None:
        self.connect: Callable[[], None] = _nothing
        self.disconnect: Callable[[], None] = _nothing
        self.sought: int | None = None
        """Identity of the only module whose calls still matter in a step; `None` for all."""
        self._step = step
        self._examples = Examples()
        self._module: weakref.ref[nn.Module] | None = None
        self._other: weakref.ref[nn.Module] | None = None
        self._missed = 0
        self._calls = 0
        self._single_calls = 0
        self._awaits_training = False
        self._pending: tuple[Tensor, int] | None = None
        self._batches: list[_Batch] = []
        self._given: set[str] = set()
        self._labels: dict[CallPath, str] = {}
        self._idle_phases = 0
        self._idle_batches = 0

    # -- the training ------------------------------------------------------------------------

    def await_training(self) -> None:
        """Take the inputs of the next step."""
        self.sought = None
        self._awaits_training = not self._examples.is_full
        if self._awaits_training:
            self.connect()

    def trained(self) -> None:
        """A backward begins: what passed with gradients was trained on."""
        if not self._awaits_training:
            return
        self._awaits_training, self.sought = False, None
        self.disconnect()
        pending, self._pending = self._pending, None
        other, self._other = self._other, None
        calls, self._calls = self._calls, 0
        self._single_calls = self._single_calls + 1 if calls == 1 else 0
        if pending is not None:
            self._missed = 0
            inputs, version = pending
            # What was written to since is no longer what the network got.
            if inputs._version == version:
                self._examples.trained(inputs)
        elif other is not None:
            self._missed += 1
            if self._module is None or self._module() is None or self._missed >= CALLS_MISSED:
                self._module, self._missed, self._examples = other, 0, Examples()

    # -- evaluations -------------------------------------------------------------------------

    def without_gradients(self) -> None:
        """The user switches gradients off, outside of a step: an evaluation may begin."""
        if self._module is not None and self._idle_phases < IDLE_PHASES:
            self._idle_phases += 1
            self.connect()

    def evaluated(self, path: CallPath) -> None:
        """A loss was computed without gradients: what passed since the step is an evaluation's."""
        label, step = label_of(path), self._step()
        self._idle_phases = self._idle_batches = 0
        if label not in self._given:
            self._given.add(label)
            for batch in self._batches:
                if batch.step == step:
                    self._labels[batch.path] = label
                    self._examples.evaluated(label, batch.fingerprints, batch.examples, step)
        if self._module is not None and not self._examples.is_over(label, step):
            self.connect()

    def overlaps(self, *, is_last: bool = False) -> Iterator[tuple[str, Overlap]]:
        """What each place that evaluates has in common with the training, where that is new."""
        return self._examples.overlaps(is_last=is_last)

    # -- calls of modules --------------------------------------------------------------------

    def called(self, module: nn.Module, arguments: tuple[Any, ...]) -> None:
        """A module is called, while the hook is there."""
        known = None if self._module is None else self._module()
        if not torch.is_grad_enabled():
            if module is known:
                self._take_evaluation(arguments)
        elif not self._awaits_training:
            self.disconnect()
        elif module is known:
            inputs = _first_tensor(arguments)
            if inputs is not None and not inputs.is_inference():
                self._pending = inputs, inputs._version
            self.sought = id(module)
            self._calls += 1
            if module.training and self._single_calls >= SINGLE_CALLS:
                # Its parts, which are called now, would each pay for the hook.
                self.disconnect()
        elif self._other is None and any(each.requires_grad for each in module.parameters()):
            self._other = weakref.ref(module)
            self.sought = id(known)

    def _take_evaluation(self, arguments: tuple[Any, ...]) -> None:
        step = self._step()
        if self._given or (self._batches and self._batches[-1].step != step):
            self._batches, self._given = [], set()
        path = calling_path()
        label = self._labels.get(path)
        is_over = label is not None and self._examples.is_over(label, step)
        if is_over or self._idle_batches >= IDLE_BATCHES:
            self.disconnect()
            return
        inputs = _first_tensor(arguments)
        if inputs is None:
            return
        self._idle_batches += 1
        found = None
        if label is None or self._examples.wants(label, step):
            found = fingerprints_of(inputs, EVALUATION_WORDS, self._idle_batches)
        self._batches.append(_Batch(path, step, len(inputs), found))


def watch_inputs(
    patches: Patches,
    passing: PassingInputs,
    called: Callable[..., None],
    begins: Callable[[], None],
) -> None:
    """From now on let `passing` connect itself: `called` tells it of the calls of modules.

    `begins` is called each time that somebody switches gradients off.
    """
    is_compiling = torch.compiler.is_compiling
    connection: Final[list[RemovableHandle]] = []
    is_compiled = False

    def hook(module: nn.Module, arguments: tuple[Any, ...]) -> None:
        if not is_compiling() and passing.sought in (None, id(module)):
            called(module, arguments)

    def connect() -> None:
        if not connection and not is_compiled:
            connection.append(register_module_forward_pre_hook(hook))

    def disconnect() -> None:
        while connection:
            connection.pop().remove()

    def wrap_compile(original: Callable[..., Any]) -> Callable[..., Any]:
        def compile(*arguments: Any, **keywords: Any) -> Any:
            nonlocal is_compiled
            is_compiled = True
            disconnect()
            return original(*arguments, **keywords)

        return compile

    passing.connect, passing.disconnect = connect, disconnect
    patches.replace(torch, "compile", wrap_compile)
    patches.replace(torch.no_grad, "__enter__", partial(_telling, begins))
    patches.replace(torch.inference_mode, "__enter__", partial(_telling, begins))
    patches.add_undo(disconnect)


def _telling(begins: Callable[[], None], original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The `__enter__` of a context that switches gradients off, which first calls `begins`."""
    is_compiling = torch.compiler.is_compiling

    def __enter__(context: Any) -> Any:  # noqa: N807
        if not is_compiling():
            begins()
        return original(context)

    return __enter__


def _nothing() -> None:
    """Nothing is connected yet."""


def _first_tensor(arguments: Any) -> Tensor | None:
    """The first tensor among what a network is given, where it is a batch of numbers.

    Whole numbers are left out but for bytes: they are numbers of words or of other things, of
    which short sequences repeat by nature.
    """
    found = next(tensors_in(arguments), None)
    if found is None or found.ndim == 0 or found.numel() == 0:
        return None
    is_number = found.is_floating_point() or found.dtype in (torch.uint8, torch.bool)
    is_plain = type(found) in (Tensor, nn.Parameter) and found.layout == torch.strided
    if not is_number or not is_plain or is_tracing() or not is_observable(found):
        return None
    return found
