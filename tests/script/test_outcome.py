"""The process ends as it would under plain Python."""

from __future__ import annotations

import signal
import subprocess

import pytest

from defib.script.outcome import Ending, Outcome, exit_like_python

DESCRIBE = """
import os, sys
from defib.script.launch import run_script
from defib.script.outcome import exit_like_python
outcome = run_script("train.py", ())
print("watched" if outcome.is_watched_process() else "child", flush=True)
print(outcome.ending.name, outcome.exit_code, repr(outcome.exception), flush=True)
"""


@pytest.mark.parametrize(
    ("code", "expected"),
    [("", 0), ("None", 0), ("0", 0), ("3", 3), ("True", 1), ("256", 0), ("-1", 255), ("300", 44)],
)
def test_exit_code_of_an_integer_is_taken_modulo_256(same_ending, code, expected):
    ended = same_ending(f"import sys; sys.exit({code})")
    assert (ended.exit_code, ended.error) == (expected, "")


@pytest.mark.parametrize("code", ["2**31 + 5", "2**63 - 1", "2**63", "-2**63 - 1"])
def test_exit_code_of_a_huge_integer_is_pythons(same_ending, code):
    same_ending(f"raise SystemExit({code})")


@pytest.mark.parametrize("code", ["'no data'", "[1, 2]", "0.5", "''", "'a', 'b'", "ValueError(1)"])
def test_exit_with_an_object_prints_it_and_fails(same_ending, code):
    ended = same_ending(f"raise SystemExit({code})")
    assert ended.exit_code == 1
    assert ended.error.endswith("\n")


def test_exit_with_an_object_that_cannot_be_printed_fails(same_ending):
    same_ending("""
        class Unprintable:
            def __str__(self): raise ValueError
        raise SystemExit(Unprintable())
        """)


def test_exit_by_a_subclass_or_from_a_function_is_an_exit(same_ending):
    ended = same_ending("""
        class Stop(SystemExit): ...
        def train(): raise Stop(4)
        train()
        """)
    assert ended.exit_code == 4


def test_exception_ends_with_one(same_ending):
    assert same_ending("1 / 0").exit_code == 1


def test_immediate_exit_skips_everything(same_ending):
    assert same_ending("import os; os._exit(9)").exit_code == 9


def test_exit_handlers_and_threads_run_in_pythons_order(same_ending):
    ended = same_ending("""
        import atexit, threading
        done = threading.Event()
        atexit.register(print, "first registered")
        atexit.register(lambda: print("second", "__file__" in globals(), done.is_set()))
        def work():
            threading.main_thread().join()
            print("thread")
            done.set()
        threading.Thread(target=work).start()
        class Held:
            def __del__(self): print("torn down")
        held = Held()
        print("end")
        """)
    assert ended.output == "end\nthread\nsecond False True\nfirst registered\ntorn down\n"


@pytest.mark.parametrize("ending", ["import sys; sys.exit(3)", "1 / 0", "raise KeyboardInterrupt"])
def test_exit_handlers_run_after_every_ending(same_ending, ending):
    ended = same_ending(f"""
        import atexit, threading
        atexit.register(lambda: print("handler", "__file__" in globals(), flush=True))
        threading.Thread(target=lambda: print("thread")).start()
        class Held:
            def __del__(self): print("torn down")
        held = Held()
        {ending}
        """)
    assert "handler" in ended.output
    assert ended.output.endswith("torn down\n")


def test_exit_handlers_find_the_last_exception(same_ending):
    same_ending("""
        import atexit, sys, traceback
        def show():
            print(sys.last_type, sys.last_value, traceback.format_tb(sys.last_traceback))
        atexit.register(show)
        1 / 0
        """)


def test_unflushed_output_is_written(same_ending):
    ended = same_ending("import sys; sys.stdout.write('no line end'); sys.exit(2)")
    assert ended.output == "no line end"


def test_closed_output_is_reported_as_python_does(same_ending):
    same_ending("import os; print('lost'); os.close(1)")


INTERRUPTIBLE = """
import atexit, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
# Held back until it is there, so that it always arrives in the same line.
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
atexit.register(print, "handler")
def train():
    print("ready", flush=True)
    while signal.SIGINT not in signal.sigpending(): ...
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
train()
"""


def _interrupt(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    output, error = process.communicate(timeout=60)
    return process.returncode, output, error


def test_interrupt_dies_by_the_signal_after_the_exit_handlers(folder):
    folder.write("train.py", INTERRUPTIBLE)
    plain = _interrupt(folder.start("train.py"))
    watched = _interrupt(folder.start_watched("script", "train.py"))
    assert watched == plain
    assert watched[:2] == (-signal.SIGINT, "handler\n")


@pytest.mark.parametrize("start", ["-m", "file"])
def test_interrupt_dies_by_the_signal_however_defib_was_started(folder, start):
    folder.write("train.py", "raise KeyboardInterrupt")
    launcher = "import sys; " + DESCRIBE + "sys.exit(exit_like_python(outcome))"
    folder.write("launcher.py", launcher)
    process = folder.start(*(("-m", "launcher") if start == "-m" else ("launcher.py",)))
    output, error = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert output == "watched\nINTERRUPTED 130 KeyboardInterrupt()\n"
    assert error.count("Traceback") == 1


def test_interrupt_of_a_module_dies_by_the_signal(folder):
    folder.write("train.py", "raise KeyboardInterrupt")
    plain, watched = folder.both_modules("train")
    assert watched == plain
    assert watched.exit_code == -signal.SIGINT


def test_interrupt_of_a_subclass_is_an_ordinary_exception(same_ending):
    ended = same_ending("class Stop(KeyboardInterrupt): ...\nraise Stop")
    assert ended.exit_code == 1


def test_interrupt_caught_by_the_script_is_no_ending(same_ending):
    same_ending("""
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            print("saved")
        """)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "COMPLETED 0 None"),
        ("raise SystemExit(3)", "EXITED 3 SystemExit(3)"),
        ("raise SystemExit(300)", "EXITED 44 SystemExit(300)"),
        ("raise SystemExit('no')", "EXITED 1 SystemExit('no')"),
        ("1 / 0", "RAISED 1 ZeroDivisionError('division by zero')"),
        ("raise KeyboardInterrupt", "INTERRUPTED 130 KeyboardInterrupt()"),
        ("class Stop(KeyboardInterrupt): ...\nraise Stop", "RAISED 1 Stop()"),
    ],
)
def test_outcome_tells_how_the_script_ended(folder, text, expected):
    folder.write("train.py", text)
    assert folder.launch(DESCRIBE).output == f"watched\n{expected}\n"


def test_syntax_error_is_the_scripts_own_failure(folder):
    folder.write("train.py", "def")
    assert folder.launch(DESCRIBE).output.startswith("watched\nRAISED 1 SyntaxError(")


def test_forked_child_that_comes_back_is_told_apart(folder):
    folder.write(
        "train.py",
        """
        import os
        child = os.fork()
        if child:
            os.waitpid(child, 0)
        """,
    )
    assert folder.launch(DESCRIBE).output == "child\nCOMPLETED 0 None\nwatched\nCOMPLETED 0 None\n"


def test_exit_after_completion_is_a_system_exit():
    with pytest.raises(SystemExit) as raised:
        exit_like_python(Outcome(Ending.COMPLETED, 0, None, process_id=0))
    assert raised.value.code == 0
