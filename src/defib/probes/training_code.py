"""Which functions of torch the user's training code names."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from types import CodeType, FrameType, FunctionType
from typing import Any, ClassVar, final

from defib.discovery.sites import is_user_file
from defib.probes.base import Probe
from defib.probes.measurements import CannotMeasure, Measurements
from defib.probes.setup import Setup

NAMES = ("zero_grad", "grad", "step", "clip_grad_norm_", "clip_grad_value_", "unscale_")
NOWHERE, ANYWHERE, NEAR = 0.0, 1.0, 2.0


@final
class TrainingCode(Probe):
    """What happens after `backward` cannot be seen before it; what the code names can.

    `named_in_code`, by name of an attribute or function: 2 where the functions that are running,
    or one that they call, name it; 1 where any other code of the user's does; 0 where none does.
    """

    measures = ("named_in_code",)
    order: ClassVar[int] = 2

    def measure(self, setup: Setup, into: Measurements) -> None:
        del setup
        frames = _user_frames()
        running = [each.f_code for each in frames]
        near = {name for code in running for name in _names(code)}
        called = (code for each in frames for code in _called_by(each))
        near |= {name for code in called for name in _names(code)}
        anywhere: set[str] = set()
        for code in _all_code():
            anywhere |= _names(code)
        for name in NAMES:
            place = NEAR if name in near else ANYWHERE if name in anywhere else NOWHERE
            into.single.add("named_in_code", name, place)


def _user_frames() -> list[FrameType]:
    """The running functions of the user's, the innermost first: it called `backward` itself."""
    found: list[FrameType] = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if is_user_file(file):
            found.append(frame)
        elif not found and not _is_torch_or_defib(frame):
            raise CannotMeasure("a framework, and not the script itself, calls `backward`")
        frame = frame.f_back
    if not found:
        raise CannotMeasure("no code of the user's is running")
    return found


def _is_torch_or_defib(frame: FrameType) -> bool:
    module = str(frame.f_globals.get("__name__", ""))
    return module.partition(".")[0] in ("torch", "defib", "contextlib")


def _names(code: CodeType) -> set[str]:
    found = {*code.co_names}
    for each in code.co_consts:
        if isinstance(each, CodeType):
            found |= _names(each)
    return found


def _called_by(frame: FrameType) -> Iterator[CodeType]:
    """Code of the user's functions and methods whose names the frame's own code holds."""
    names = _names(frame.f_code)
    for name, thing in frame.f_globals.items():
        if isinstance(thing, type):
            yield from _codes(member for key, member in vars(thing).items() if key in names)
        elif name in names:
            yield from _codes([thing])
    local = frame.f_locals
    methods = vars(type(local["self"])) if "self" in local else {}
    yield from _codes(member for key, member in methods.items() if key in names)
    yield from _codes(each for each in local.values() if isinstance(each, FunctionType))


def _all_code() -> Iterator[CodeType]:
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and is_user_file(file):
            for thing in list(vars(module).values()):
                members = vars(thing).values() if isinstance(thing, type) else [thing]
                yield from _codes(members)
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if is_user_file(frame.f_code.co_filename):
            yield frame.f_code
        frame = frame.f_back


def _codes(things: Iterable[Any]) -> Iterator[CodeType]:
    for thing in things:
        function: Callable[..., Any] = getattr(thing, "__func__", thing)
        function = getattr(function, "__wrapped__", function)
        if isinstance(function, FunctionType) and is_user_file(function.__code__.co_filename):
            yield function.__code__
