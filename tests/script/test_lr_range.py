import os
from pathlib import Path

import numpy as np
import pytest
import torch

from defib.errors import UsageError
from defib.records.learning_rate_range import LearningRateRange, SweepEnding, Verdict
from defib.script.lr_range import range_of_script
from defib.script.outcome import Ending, Outcome
from defib.script.uncaught import raised_by
from defib.training.range_options import RangeOptions

BEFORE = """
import torch
from torch import nn
torch.manual_seed(0)
inputs = torch.randn(256, 6)
targets = inputs.argmax(1) % 3
model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
loss_function = nn.CrossEntropyLoss()
"""
LOOP = """
for epoch in range(100):
    for batch in torch.randperm(256).split(32):
        loss = loss_function(model(inputs[batch]), targets[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""
SGD = "optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)\n"


def launched(script: str) -> Outcome:
    """How a script ended that is executed in this process, as `defib` executes it in its own."""
    error = raised_by(lambda: exec(compile(BEFORE + script, "train.py", "exec"), {}))
    endings = {None: Ending.COMPLETED, SystemExit: Ending.EXITED}
    kind = next((each for each in endings if each and isinstance(error, each)), None)
    ending = endings[kind] if kind or error is None else Ending.RAISED
    return Outcome(ending, 0, error, os.getpid())


def sweep(script: str, steps: int = 150) -> LearningRateRange:
    options = RangeOptions(start=1e-4, end=100.0, steps=steps)
    return range_of_script("train.py", lambda: launched(script), options)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TORCH_COMPILE_DISABLE", "1")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_plain_loop_is_swept_and_stopped():
    found = sweep(SGD + LOOP + "open('end', 'w')")
    assert found.verdict is Verdict.CLEAR_DESCENT
    assert found.conservative is not None
    assert found.largest_stable is not None
    assert found.conservative.value < found.largest_stable.value
    assert (found.current, found.name, found.notes) == (0.1, "train.py", ())
    assert not Path("end").exists()
    steps = np.diff(np.log10(found.sweep.learning_rates))
    np.testing.assert_allclose(steps, 6 / 149)


def test_nothing_of_torch_stays_replaced():
    before = torch.autograd.backward, torch.save, torch.amp.GradScaler.scale
    sweep(SGD + LOOP)
    assert (torch.autograd.backward, torch.save, torch.amp.GradScaler.scale) == before


PLAIN = SGD + LOOP


@pytest.mark.parametrize(
    "script",
    [
        # A schedule, stepped each step; the rates it sets are its own affair.
        SGD
        + "schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1, step / 50))"
        + LOOP
        + "        schedule.step()\n",
        # Mixed precision: the loss is scaled before backward.
        SGD
        + "scaler = torch.amp.GradScaler('cpu', init_scale=1024.0)"
        + LOOP.replace("loss.backward()", "scaler.scale(loss).backward()").replace(
            "optimizer.step()", "scaler.step(optimizer); scaler.update()"
        ),
        # The loss is computed in a closure.
        SGD
        + LOOP.replace("        loss = ", "        def closure():\n         loss = ")
        .replace("        optimizer.zero_grad()", "         optimizer.zero_grad()")
        .replace("        loss.backward()", "         loss.backward()\n         return loss")
        .replace("optimizer.step()", "optimizer.step(closure)"),
        # A bare except around the step.
        SGD
        + LOOP.replace(
            "        optimizer.step()", "        try: optimizer.step()\n        except: pass"
        ),
        # Two optimisers share the network.
        "optimizer = torch.optim.SGD(model[0].parameters(), lr=0.1, momentum=0.9)\n"
        + "other = torch.optim.SGD(model[2].parameters(), lr=0.1, momentum=0.9)"
        + LOOP.replace("optimizer.zero_grad()", "model.zero_grad()")
        + "        other.step()\n",
    ],
    ids=["schedule", "scaler", "closure", "bare-except", "two-optimizers"],
)
def test_the_same_training_written_otherwise_has_the_same_losses(script: str):
    plain, other = sweep(PLAIN), sweep(script)
    steps = 60  # before the divergence, in which rounding grows
    np.testing.assert_allclose(plain.sweep.losses[:steps], other.sweep.losses[:steps], rtol=1e-3)
    assert plain.verdict == other.verdict


def test_accumulated_losses_are_averaged_and_clipping_stays():
    script = SGD + LOOP.replace(
        "        optimizer.step()",
        "        loss_function(model(inputs[batch]), targets[batch]).backward()\n"
        "        nn.utils.clip_grad_norm_(model.parameters(), 1e-9)\n"
        "        optimizer.step()",
    )
    found = sweep(script)
    assert found.verdict is Verdict.NO_DESCENT
    assert 0.5 < found.sweep.first_loss < 2


def test_the_scripts_learning_rate_is_its_own_between_the_steps():
    script = SGD + LOOP + "        assert optimizer.param_groups[0]['lr'] == 0.1\n"
    assert sweep(script).sweep.ending is SweepEnding.DIVERGED


def test_groups_are_reported_with_their_share():
    script = (
        "optimizer = torch.optim.AdamW([{'params': model[0].parameters(), 'lr': 0.01},"
        "{'params': model[2].parameters()}], lr=0.001)" + LOOP
    )
    groups = sweep(script).groups
    assert [(each.optimizer, each.index) for each in groups] == [("AdamW", 0), ("AdamW", 1)]
    assert [each.share for each in groups] == pytest.approx([1, 0.1])


def test_checkpoints_stay_as_they_are(folder: Path):
    (folder / "best.pt").write_text("precious")
    found = sweep(SGD + LOOP + "        torch.save(model.state_dict(), 'best.pt')\n")
    assert (folder / "best.pt").read_text() == "precious"
    assert "of `torch.save` wrote nothing" in found.notes[0]


def test_a_script_that_ends_early_says_how_many_steps_there_are():
    found = sweep(SGD + LOOP.replace("range(100)", "range(4)"))
    assert found.sweep.ending is SweepEnding.DATA_ENDED
    assert "ended after 32 of 151 steps" in found.notes[0]
    assert "`--steps 31`" in found.notes[0]


def test_a_script_that_refuses_broken_weights_has_diverged():
    script = (
        "optimizer = torch.optim.SGD(model.parameters(), lr=0.1)"
        + LOOP.replace("loss = loss_function(", "loss = 1e30 * nn.functional.mse_loss(").replace(
            "targets[batch])", "torch.randn(len(batch), 3))"
        )
        + "        if not all(each.isfinite().all() for each in model.parameters()):\n"
        + "            raise ValueError('weights')\n"
    )
    found = sweep(script)
    assert found.verdict is Verdict.NO_DESCENT
    assert found.sweep.ending is SweepEnding.NOT_FINITE
    assert found.conservative is None


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("raise ValueError('no data')", "`train.py` stopped with ValueError before it trained"),
        (SGD + LOOP.replace("loss.backward()", "pass"), "without a call of `backward`"),
        (SGD + LOOP.replace("loss = ", "loss = float('nan') * "), "is nan before the first step"),
    ],
)
def test_what_cannot_be_swept_is_one_clear_message(script: str, message: str):
    with pytest.raises(UsageError, match=message):
        sweep(script)
