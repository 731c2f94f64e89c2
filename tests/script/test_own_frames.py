"""Frames of defib disappear from a traceback where they only pass a call on."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Any

from defib.script.own_frames import remove_own_frames


def _function(module_name: str, body: str) -> Callable[..., Any]:
    """A function `call(inner)` of the named module."""
    module = ModuleType(module_name)
    indented = body.replace("\n", "\n    ")
    exec(f"def call(inner=None):\n    {indented}", vars(module))
    return vars(module)["call"]


def _wrapped(inner: Callable[..., Any]) -> Callable[[], Any]:
    wrapper = _function("defib.discovery.backward", "return inner()")
    return lambda: wrapper(inner)


def _modules_in_traceback(exception: BaseException) -> list[str]:
    return [frame.f_globals["__name__"] for frame, _ in traceback.walk_tb(exception.__traceback__)]


def _raised_by(action: Callable[[], Any]) -> BaseException:
    try:
        action()
    except BaseException as exception:
        return exception
    raise AssertionError("nothing was raised")


def test_frame_between_two_of_the_users_is_removed():
    fail = _function("model", "raise ValueError")
    exception = _raised_by(_wrapped(fail))
    remove_own_frames(exception)
    assert _modules_in_traceback(exception) == [__name__, __name__, "model"]


def test_innermost_frames_of_defib_stay_where_it_raised_itself():
    own = _function("defib.monitor.hooks", "raise ValueError")
    outer = _function("defib.monitor.hooks", "inner()")
    exception = _raised_by(_wrapped(lambda: outer(own)))
    remove_own_frames(exception)
    modules = _modules_in_traceback(exception)
    assert modules == [__name__, __name__, __name__, "defib.monitor.hooks", "defib.monitor.hooks"]


def test_interrupt_that_arrives_in_defib_does_not_show_it():
    exception = _raised_by(_function("defib.monitor.hooks", "raise KeyboardInterrupt"))
    remove_own_frames(exception)
    assert _modules_in_traceback(exception) == [__name__]


def _without_this_file(exception: BaseException) -> BaseException:
    frames = exception.__traceback__
    while frames is not None and frames.tb_frame.f_globals["__name__"] == __name__:
        frames = frames.tb_next
    return exception.with_traceback(frames)


def test_frames_in_front_are_removed_with_those_of_runpy():
    fail = _function("model", "raise ValueError")
    runpy = _function("runpy", "return inner()")
    launch = _function("defib.script.launch", "run, fail = inner\nrun(fail)")
    exception = _without_this_file(_raised_by(lambda: launch((runpy, fail))))
    assert _modules_in_traceback(exception) == ["defib.script.launch", "runpy", "model"]
    remove_own_frames(exception)
    assert _modules_in_traceback(exception) == ["model"]


def test_frames_of_runpy_without_ours_in_front_stay():
    exception = _without_this_file(_raised_by(_function("runpy", "raise ValueError")))
    remove_own_frames(exception)
    assert _modules_in_traceback(exception) == ["runpy"]


def test_exception_with_frames_of_defib_alone_keeps_none():
    compile_script = _function("defib.script.launch", "compile('def', 'train.py', 'exec')")
    exception = _without_this_file(_raised_by(compile_script))
    remove_own_frames(exception)
    assert exception.__traceback__ is None


def test_causes_contexts_and_members_of_groups_are_cleaned():
    fail = _wrapped(_function("model", "raise ValueError"))
    cause, context, member = (_raised_by(fail) for _ in range(3))
    exception = ExceptionGroup("two", [ValueError(), ExceptionGroup("one", [member])])  # type: ignore[list-item]
    exception.__cause__, exception.exceptions[0].__context__ = cause, context
    remove_own_frames(exception)
    for each in (cause, context, member):
        assert _modules_in_traceback(each) == [__name__, __name__, "model"]


def test_script_inside_the_package_is_the_users():
    exception = _raised_by(_function("__main__", "raise ValueError"))
    remove_own_frames(exception)
    assert _modules_in_traceback(exception) == [__name__, "__main__"]


def test_package_with_a_similar_name_is_the_users():
    similar = _function("defibrillator", "return inner()")
    exception = _raised_by(lambda: similar(_function("model", "raise ValueError")))
    remove_own_frames(exception)
    assert _modules_in_traceback(exception) == [__name__, __name__, "defibrillator", "model"]
