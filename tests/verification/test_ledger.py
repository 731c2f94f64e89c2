"""The trials of a proof are made side by side, and given up when it is interrupted."""

import os
import signal
import threading
import time
from pathlib import Path
from queue import SimpleQueue

import pytest

from defib.errors import UsageError
from defib.records.run import RunRecord
from defib.records.trial import Trial, TrialEnding, TrialResult
from defib.verification.child_processes import StoppedError, ended_by_signals
from defib.verification.ledger import Condition, Ledger, ProofOptions

RECORD = RunRecord(steps=400, script="train.py")
CONDITIONS = [Condition((), seed) for seed in range(2)]


def trained(trial: Trial, seconds: float) -> TrialResult:
    del seconds
    return TrialResult(trial, TrialEnding.TRAINED, steps=trial.steps, level=float(trial.seed))


def test_each_trial_has_its_own_result(tmp_path: Path):
    ledger = Ledger(RECORD, 100, ProofOptions(tmp_path, trained, jobs=2))
    ledger.make(CONDITIONS)
    assert [ledger.result(each).level for each in CONDITIONS] == [0.0, 1.0]


def test_an_error_of_one_trial_ends_the_others(tmp_path: Path):
    stopped = threading.Event()

    def run(trial: Trial, seconds: float) -> TrialResult:
        del seconds
        if trial.seed == 1:
            raise UsageError("no such directory")
        assert stopped.wait(60), "was not told to stop"
        raise StoppedError

    options = ProofOptions(tmp_path, run, stop=stopped.set, jobs=2)
    with pytest.raises((UsageError, StoppedError)):
        Ledger(RECORD, 100, options).make(CONDITIONS)
    assert stopped.is_set()


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no signals to threads")
def test_a_signal_to_another_thread_ends_the_trials_at_once(tmp_path: Path):
    stopped = threading.Event()
    was_told: SimpleQueue[bool] = SimpleQueue()

    def run(trial: Trial, seconds: float) -> TrialResult:
        del trial, seconds
        time.sleep(0.5)  # The main thread waits by now.
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
        was_told.put(stopped.wait(30))
        raise StoppedError

    options = ProofOptions(tmp_path, run, stop=stopped.set)
    with pytest.raises(SystemExit), ended_by_signals():
        Ledger(RECORD, 100, options).make(CONDITIONS[:1])
    assert was_told.get(timeout=60)
