"""A Python that has loaded torch, and runs every command in a copy of itself.

Half of the time of a process that trains a small network goes into loading torch. A copy has
the interpreter for itself, as a new process has; only what happens before torch is there, and
while it is loaded, it cannot show.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import final

LOADED = ("torch", "torch.optim", "torch._dynamo")
"""The last one is loaded by the first optimiser of a process."""

LIMIT_SECONDS = 300
"""A module that takes longer hangs: it is ended by a signal."""

LOOP = """
import gc, importlib, json, os, runpy, signal, sys, tempfile
for name in sys.argv[1:]:
    importlib.import_module(name)
gc.collect()
gc.freeze()  # Or each copy would look through all of torch for garbage as it ends: 0.8 s.
requests, replies = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
for request in requests:
    copy = os.fork()
    if copy == 0:
        break
    status = os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1])
    print(status, file=replies, flush=True)
else:
    sys.exit()
arguments, folder, environment, limit, *files = json.loads(request)
signal.alarm(limit)
for number, file in enumerate(files):
    os.dup2(os.open(file, os.O_RDWR | os.O_CREAT), number)
requests.close()
replies.close()
os.environ.clear()
os.environ.update(environment)
tempfile.tempdir = None  # Found anew: the environment may name another one.
os.chdir(folder)
module, *sys.argv[1:] = arguments
sys.path[0] = folder
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


@final
class WarmPython:
    """A process that waits for modules to run as `python -m MODULE ARGUMENTS` would."""

    def __init__(self, *also_loaded: str, **environment: str) -> None:
        self._environment = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
        self._process = subprocess.Popen(
            [sys.executable, "-c", LOOP, *LOADED, *also_loaded],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> WarmPython:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def run(
        self,
        *arguments: str,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """How `python -m *arguments` ended in `folder`, the present one by default."""
        requests, replies = self._process.stdin, self._process.stdout
        assert requests is not None
        assert replies is not None
        with TemporaryDirectory() as written:
            output, error = Path(written, "output"), Path(written, "error")
            request = (
                arguments,
                str(folder or Path.cwd()),
                {**self._environment, **(environment or {})},
                LIMIT_SECONDS,
                *(os.devnull, str(output), str(error)),
            )
            print(json.dumps(request), file=requests, flush=True)
            code = int(replies.readline())
            return subprocess.CompletedProcess(
                arguments, code, output.read_text(), error.read_text()
            )
