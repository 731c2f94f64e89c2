"""What is shown of an exception is what plain Python shows."""

from __future__ import annotations

import pytest


def test_traceback_of_an_exception_is_pythons(same_ending):
    ended = same_ending("x = 1\nx / 0")
    assert ended.error.splitlines()[1].endswith('train.py", line 2, in <module>')


def test_traceback_through_functions_is_pythons(same_ending):
    same_ending("""
        def outer(x):
            return [inner(each) for each in x]
        def inner(x):
            return {"a": x}["b"]
        outer(range(3))
        """)


def test_traceback_of_another_module_is_pythons(folder):
    folder.write("model.py", "def build(): raise RuntimeError('width')")
    folder.write("train.py", "import model\nmodel.build()")
    plain, watched = folder.both("train.py")
    assert watched == plain


def test_chained_exceptions_are_shown_as_python_shows_them(same_ending):
    same_ending("""
        def load():
            try:
                open("nowhere")
            except OSError as error:
                try:
                    {}["cache"]
                except KeyError:
                    raise RuntimeError("no data") from error
        try:
            load()
        except RuntimeError:
            raise ValueError("stop")
        """)


def test_suppressed_context_stays_hidden(same_ending):
    same_ending("""
        try:
            1 / 0
        except ZeroDivisionError:
            raise ValueError("stop") from None
        """)


def test_exception_group_is_shown_as_python_shows_it(same_ending):
    same_ending("""
        def failing(kind):
            try:
                raise kind("inner")
            except kind as error:
                return error
        def train():
            raise ExceptionGroup("two", [failing(ValueError),
                ExceptionGroup("one", [failing(TypeError)])])
        train()
        """)


def test_exception_with_notes_is_shown_as_python_shows_it(same_ending):
    same_ending("""
        error = ValueError("shape")
        error.add_note("in batch 3")
        raise error
        """)


def test_exception_in_a_cycle_of_causes_is_shown(same_ending):
    same_ending("""
        one, two = ValueError(1), ValueError(2)
        one.__cause__, two.__cause__ = two, one
        raise one
        """)


def test_exception_that_is_no_exception_is_shown(same_ending):
    same_ending("class Stop(BaseException): ...\nraise Stop('now')")


@pytest.mark.parametrize(
    "text",
    [
        "def",
        "x = (1,\n\ny = 2\n",
        "if True:\nprint(1)",
        "if True:\n\tx = 1\n        y = 2\n",
        'x = """never closed\n\n',
        "print 'hello'",
        "x = f'{1 +}'",
        "return 3",
        "from __future__ import braces",
        "nonlocal x",
        "for é in 3 4: pass",
        "x = 1\n  y = 2",
        "x = 5 $ 6",
        "def f(a, a): ...",
        "x = 1 \\",
    ],
)
def test_syntax_error_is_shown_as_python_shows_it(same_ending, text):
    ended = same_ending(text)
    assert ended.exit_code == 1
    assert "Traceback" not in ended.error


def test_syntax_error_in_an_imported_module_is_shown_as_python_shows_it(folder):
    folder.write("model.py", "def")
    folder.write("train.py", "import model")
    plain, watched = folder.both("train.py")
    assert watched == plain


@pytest.mark.parametrize(
    "text", ["def", "1 / 0", "import train.missing", "import importlib as i; i.import_module('no')"]
)
def test_failure_of_a_module_is_shown_without_the_frames_that_launched_it(folder, text):
    folder.write("train.py", text)
    plain, watched = folder.both_modules("train")
    assert (watched.exit_code, watched.output) == (plain.exit_code, plain.output)
    assert "runpy" not in watched.error
    assert "defib" not in watched.error
    assert watched.error.splitlines()[-1] == plain.error.splitlines()[-1]


def test_failure_of_a_parent_package_is_the_scripts_own(folder):
    folder.write("project/__init__.py", "1 / 0")
    folder.write("project/train.py", "")
    plain, watched = folder.both_modules("project.train")
    assert watched == plain


def test_frames_of_the_import_machinery_that_python_shows_stay(same_ending):
    ended = same_ending("import importlib; importlib.import_module('missing')")
    assert "<frozen importlib._bootstrap>" in ended.error


def test_frames_of_runpy_that_python_shows_stay(folder):
    folder.write("model.py", "1 / 0")
    folder.write("train.py", "import runpy; runpy.run_module('model')")
    plain, watched = folder.both("train.py")
    assert watched == plain


def test_hook_of_the_script_gets_the_exception_without_our_frames(same_ending):
    ended = same_ending("""
        import sys, traceback
        def hook(kind, value, trace):
            print("hook", kind, value, traceback.format_tb(trace), sys.exc_info())
        sys.excepthook = hook
        1 / 0
        """)
    assert ended.output.startswith("hook <class 'ZeroDivisionError'>")


def test_hook_that_raises_is_shown_with_the_original(same_ending):
    ended = same_ending("""
        import sys
        def hook(kind, value, trace):
            {}["gone"]
        sys.excepthook = hook
        1 / 0
        """)
    assert "Error in sys.excepthook" in ended.error


@pytest.mark.parametrize("ending", ["1 / 0", "raise KeyboardInterrupt"])
def test_hook_that_exits_sets_the_exit_code(same_ending, ending):
    ended = same_ending(f"""
        import sys
        def hook(*_):
            sys.exit(7)
        sys.excepthook = hook
        {ending}
        """)
    assert ended.exit_code == 7


def test_hook_that_exits_with_a_message_prints_it(same_ending):
    ended = same_ending("import sys; sys.excepthook = lambda *_: sys.exit('hooked'); 1 / 0")
    assert (ended.exit_code, ended.error) == (1, "hooked\n")


@pytest.mark.parametrize("change", ["del sys.excepthook", "sys.excepthook = None"])
def test_missing_hook_is_reported_as_python_does(same_ending, change):
    same_ending(f"import sys; {change}; 1 / 0")


@pytest.mark.parametrize("change", ["sys.stderr.close()", "sys.stderr = None", "del sys.stderr"])
@pytest.mark.parametrize("ending", ["1 / 0", "sys.exit()", "sys.exit('no data')"])
def test_missing_error_stream_leaves_the_exit_code(folder, change, ending):
    folder.write("train.py", f"import sys; {change}; print('end'); {ending}")
    plain, watched = folder.both("train.py")
    assert (watched.exit_code, watched.output) == (plain.exit_code, plain.output)
