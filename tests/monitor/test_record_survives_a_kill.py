"""After SIGKILL at any moment, what was flushed can be read."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from defib.diagnosis import diagnose
from defib.records.reading import read_run
from defib.records.run import RunEnding

PROGRAM = """
import sys, torch
from pathlib import Path
from torch import nn
torch.set_num_threads(1)
import defib.monitor.pending as pending
# Flush after every step, so that a kill finds the writer at work.
pending.FLUSH_SECONDS = 0.0
from defib.monitor.watching import Watching, WatchOptions
watching = Watching(Path(sys.argv[1]), options=WatchOptions(budget=1.0, is_strict=True))
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
print("ready", flush=True)
while True:
    optimizer.zero_grad()
    nn.functional.mse_loss(model(torch.randn(8, 4)), torch.randn(8, 1)).backward()
    optimizer.step()
    print(flush=True)
"""


def _kill_after(directory: Path, seconds: float) -> int:
    """Steps that the program reported before it was killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(directory)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    steps = sum(1 for _ in process.stdout)
    process.wait()
    process.stdout.close()
    return steps


def _check(directory: Path, seconds: float) -> None:
    steps = _kill_after(directory, seconds)
    record = read_run(directory)
    assert record.ending is RunEnding.RUNNING
    # The step under way when the kill came may be there or not.
    assert steps <= record.steps <= steps + 1
    if steps:
        assert len(record.of("loss")["SGD"]) >= steps
    assert diagnose(record).steps == record.steps


def test_every_flushed_step_is_there_after_a_kill(tmp_path: Path):
    randomness = random.Random(0)
    for number in range(3):
        _check(tmp_path / str(number), randomness.uniform(0.0, 0.4))


@pytest.mark.slow
def test_every_flushed_step_is_there_after_a_hundred_kills(tmp_path: Path):
    randomness = random.Random(1)
    for number in range(100):
        _check(tmp_path / str(number), randomness.uniform(0.0, 0.5))
