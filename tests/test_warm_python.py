import signal
from pathlib import Path

import pytest

from tests.warm_python import WarmPython

SHOWN = """
import os
import sys
print(__name__, sys.argv[1:], os.environ["COLUMNS"], os.getcwd(), "torch" in sys.modules)
print("warned", file=sys.stderr)
sys.exit(7)
"""


def test_a_module_ends_as_in_a_process_of_its_own(warm_python: WarmPython, tmp_path: Path):
    (tmp_path / "shown.py").write_text(SHOWN)
    done = warm_python.run("shown", "--a", "b", folder=tmp_path, environment={"COLUMNS": "41"})
    assert done.stdout == f"__main__ ['--a', 'b'] 41 {tmp_path} True\n"
    assert (done.stderr, done.returncode) == ("warned\n", 7)


def test_what_one_module_changes_no_other_sees(warm_python: WarmPython, tmp_path: Path):
    (tmp_path / "change.py").write_text("import torch\ntorch.set_num_threads(3)\ntorch.mine = 1\n")
    (tmp_path / "see.py").write_text("import torch\nprint(hasattr(torch, 'mine'))\n")
    assert warm_python.run("change", folder=tmp_path).returncode == 0
    assert warm_python.run("see", folder=tmp_path).stdout == "False\n"


def test_a_module_that_raises_ends_with_its_traceback(warm_python: WarmPython, tmp_path: Path):
    (tmp_path / "bad.py").write_text("raise ValueError('no data')\n")
    done = warm_python.run("bad", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.endswith("ValueError: no data\n")


def test_a_module_that_is_killed_ends_by_the_signal(warm_python: WarmPython, tmp_path: Path):
    (tmp_path / "kill.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    assert warm_python.run("kill", folder=tmp_path).returncode == -9


def test_a_module_that_hangs_is_ended(
    warm_python: WarmPython, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tests.warm_python.LIMIT_SECONDS", 1)
    (tmp_path / "hang.py").write_text("import signal\nsignal.pause()\n")
    assert warm_python.run("hang", folder=tmp_path).returncode == -signal.SIGALRM
