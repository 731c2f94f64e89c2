"""Processes that end with the work for which they were started."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from defib.verification.child_processes import (
    ChildProcesses,
    StoppedError,
    ended_by_signals,
)

SLEEPS = [sys.executable, "-c", "import time; time.sleep(60)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)",
]


def test_the_exit_code_is_returned():
    assert ChildProcesses().run([sys.executable, "-c", "raise SystemExit(7)"], timeout=60) == 7


def test_whatever_takes_too_long_is_killed():
    begun = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        ChildProcesses().run(SLEEPS, timeout=0.5)
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize("command", [SLEEPS, DEAF], ids=["plain", "deaf"])
def test_what_runs_is_ended(monkeypatch: pytest.MonkeyPatch, command: list[str]):
    monkeypatch.setattr("defib.verification.child_processes.GRACE_SECONDS", 0.5)
    processes = ChildProcesses()
    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(processes.run, command, timeout=60) for _ in range(2)]
        time.sleep(0.5)
        begun = time.monotonic()
        processes.stop()
        for each in running:
            with pytest.raises(StoppedError):
                each.result()
    assert time.monotonic() - begun < 30


def test_nothing_begins_afterwards():
    processes = ChildProcesses()
    processes.stop()
    with pytest.raises(StoppedError):
        processes.run(SLEEPS, timeout=60)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_a_request_to_end_is_an_exit():
    with pytest.raises(SystemExit) as ended, ended_by_signals():
        os.kill(os.getpid(), signal.SIGTERM)
    assert ended.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_what_is_to_survive_its_terminal_does():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_by_signals():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
