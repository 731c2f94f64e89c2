"""What `defib check` says of a script that trains and validates on given examples."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from defib.checkup import check_up
from defib.records.finding import Severity
from defib.script.outcome import Ending, Outcome
from defib.script.preflight import preflight
from defib.studies.validation_optimism.gaps import Parts

COMPARED = "shared_examples"
"""What `defib check` measures of the two sets."""
ATTEMPTS = 3

SCRIPT = """\
import torch
from torch.utils.data import DataLoader, TensorDataset

from defib.networks.dense import dense_network

loader = DataLoader(TensorDataset(*training), batch_size=32, shuffle=True)
held_out = DataLoader(TensorDataset(*validation), batch_size=100)
network = dense_network((training[0][0].numel(), 16, 10))
optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
for inputs, labels in loader:
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(network(inputs), labels).backward()
    optimizer.step()
with torch.no_grad():
    print([network.eval()(inputs).argmax(dim=1) == labels for inputs, labels in held_out])
"""
"""`training` and `validation` are given to it. A file of its own: what defib's own files create is
not looked at as a user's."""


def named_by_check(parts: Parts) -> tuple[str, ...] | None:
    """The rules that `defib check` names before the training begins; remarks are left out.

    `None` where it had no time to compare the sets: it gives itself some seconds, which an
    overloaded machine may not have.
    """
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "train.py"
        script.write_text(SCRIPT, encoding="utf-8")
        for _ in range(ATTEMPTS):
            record = preflight(str(script), lambda: _launched(script, parts))
            if COMPARED not in record.not_measured:
                found = check_up(record).findings
                return tuple(each.rule for each in found if each.severity is not Severity.INFO)
    return None


def _launched(script: Path, parts: Parts) -> Outcome:
    """How the script ended. It runs in this process, whose `__main__` is left as it is."""
    names = {"training": parts.training, "validation": parts.validation}
    try:
        exec(compile(SCRIPT, str(script), "exec"), names)
    except SystemExit as stop:
        return Outcome(Ending.EXITED, 0, stop, os.getpid())
    return Outcome(Ending.COMPLETED, 0, None, os.getpid())
