"""Which functions of torch the user's training code names."""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any, ClassVar, final

from defib.discovery.sites import is_user_file
from defib.probes.base import Probe
from defib.probes.measurements import CannotMeasure, Measurements
from defib.probes.setup import Setup

NAMES = (
    "zero_grad",
    "grad",
    "step",
    "clip_grad_norm_",
    "clip_grad_value_",
    "unscale_",
    "add_param_group",
)
CHANGES_IN_PLACE = frozenset(("sub_", "add_", "addcdiv_", "addcmul_", "copy_"))
"""Methods of tensors by which a step is written out."""
_HEALTHY = str(Path(__file__).resolve().parent.parent / "healthy")
NOWHERE, ANYWHERE, NEAR = 0.0, 1.0, 2.0


@final
class TrainingCode(Probe):
    """What happens after `backward` cannot be seen before it; what the code names can.

    `named_in_code`, by name of an attribute or function: 2 where the functions that are running,
    or one that they call, name it; 1 where any other code of the user's does; 0 where none does.
    `steps_by_hand`, likewise: code that names `grad` and in the same function subtracts in place,
    or sets `data`.
    """

    measures = ("named_in_code", "steps_by_hand")
    order: ClassVar[int] = 2

    def measure(self, setup: Setup, into: Measurements) -> None:
        del setup
        frames = _user_frames()
        near = {each.f_code for each in frames}
        near |= {code for each in frames for code in _called_by(each)}
        near = {each for code in near for each in _with_inner(code)}
        everywhere = {each for code in _all_code() for each in _with_inner(code)}
        places = ((NEAR, near), (ANYWHERE, everywhere))
        for name in NAMES:
            found = [place for place, codes in places if any(name in c.co_names for c in codes)]
            into.single.add("named_in_code", name, max(found, default=NOWHERE))
        by_hand = [place for place, codes in places if any(map(_steps_by_hand, codes))]
        into.single.add("steps_by_hand", "", max(by_hand, default=NOWHERE))


def _user_frames() -> list[FrameType]:
    """The running functions of the user's, the innermost first: it called `backward` itself."""
    found: list[FrameType] = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if _is_of_the_training(file):
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


def _with_inner(code: CodeType) -> Iterator[CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _with_inner(each)


def _steps_by_hand(code: CodeType) -> bool:
    if "grad" not in code.co_names:
        return False
    return not CHANGES_IN_PLACE.isdisjoint(code.co_names) or any(
        (each.opname, each.argrepr) in (("BINARY_OP", "-="), ("STORE_ATTR", "data"))
        for each in dis.get_instructions(code)
    )


def _is_of_the_training(file: str) -> bool:
    """Whether `file` is the user's, or of the trainings that stand for a user's."""
    return is_user_file(file) or file.startswith(_HEALTHY)


def _called_by(frame: FrameType) -> Iterator[CodeType]:
    """Code of the user's functions and methods whose names the frame's own code holds."""
    names = {name for code in _with_inner(frame.f_code) for name in code.co_names}
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
        if isinstance(file, str) and _is_of_the_training(file):
            for thing in list(vars(module).values()):
                members = vars(thing).values() if isinstance(thing, type) else [thing]
                yield from _codes(members)
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if _is_of_the_training(frame.f_code.co_filename):
            yield frame.f_code
        frame = frame.f_back


def _codes(things: Iterable[Any]) -> Iterator[CodeType]:
    for thing in things:
        function: Callable[..., Any] = getattr(thing, "__func__", thing)
        function = getattr(function, "__wrapped__", function)
        if isinstance(function, FunctionType) and _is_of_the_training(
            function.__code__.co_filename
        ):
            yield function.__code__
