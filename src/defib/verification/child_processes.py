"""Processes that do not outlive the work for which they were started."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, final

GRACE_SECONDS = 3.0
"""Between asking a process to end and ending it."""

_SIGNALS = ("SIGTERM", "SIGHUP")
"""Sent by schedulers and closed terminals; the second is unknown to Windows."""


@final
class StoppedError(Exception):
    """The work was given up: what the process did counts for nothing."""


@final
class ChildProcesses:
    """Runs processes, from any thread, until `stop` is called."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[Any]] = set()
        self._is_stopped = False

    def run(self, command: Sequence[str], *, timeout: float, **options: Any) -> int:
        """The exit code of `command`; `options` are those of `subprocess.Popen`.

        Raises `subprocess.TimeoutExpired` after `timeout` seconds, when the process has been
        killed, and `StoppedError` once `stop` was called.
        """
        with self._lock:
            if self._is_stopped:
                raise StoppedError
            process = subprocess.Popen(command, **options)
            self._running.add(process)
        try:
            code = process.wait(timeout)
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            self._running.discard(process)
        if self._is_stopped:
            raise StoppedError
        return code

    def stop(self) -> None:
        """End what runs, and let nothing begin any more. May be called twice."""
        with self._lock:
            self._is_stopped = True
            running = list(self._running)
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Within, a request to end this process raises `SystemExit`, so that all is cleaned up.

    Python would otherwise die of it at once, and leave behind its processes and folders. Does
    nothing outside of the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    known = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    # Whoever is to survive a closed terminal (`nohup`) ignores its signal.
    known = [each for each in known if signal.getsignal(each) is signal.SIG_DFL]
    try:
        for each in known:
            signal.signal(each, _end)
        yield
    finally:
        for each in known:
            signal.signal(each, signal.SIG_DFL)


def _end(number: int, frame: object) -> None:
    del frame
    raise SystemExit(128 + number)
