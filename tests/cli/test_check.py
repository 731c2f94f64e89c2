import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from defib.rules.base import architecture_rules, preflight_rules
from tests.warm_python import WarmPython

SCRIPT = """
import sys
import torch
from torch import nn

torch.manual_seed(0)
print("loading", *sys.argv[1:])
scale = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
inputs = torch.randn(64, 6)
targets = inputs.argmax(1) % 3
model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
with torch.no_grad():
    for parameter in model[0].parameters():
        parameter *= scale
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
loss_function = nn.CrossEntropyLoss()
for step in range(3):
    loss = loss_function(model(inputs), targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    open("stepped", "w")
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "train.py").write_text(SCRIPT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


Check = Callable[..., CompletedProcess[str]]


@pytest.fixture
def check(warm_python: WarmPython) -> Check:
    def run(*arguments: str) -> CompletedProcess[str]:
        return warm_python.run("defib", "check", *arguments, environment={"COLUMNS": "100"})

    return run


def test_a_healthy_script_is_stopped_before_its_first_step(folder: Path):
    done = subprocess.run(
        [sys.executable, "-m", "defib", "check", "train.py"],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "100", "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0
    assert done.stdout.startswith("✔ Ready to train: no fault was found by")
    assert "not evaluated: loss-broadcasting" in done.stdout
    assert done.stderr == "loading\n"
    assert [each.name for each in folder.iterdir()] == ["train.py"]


def test_json_names_every_rule_once_and_arguments_are_the_scripts(check: Check):
    done = check("--json", "train.py", "0")
    content = json.loads(done.stdout)
    assert list(content) == [
        "version", "script", "status", "summary", "findings", "passed", "not_evaluated",
        "notes", "seconds",
    ]  # fmt: skip
    assert content["status"] == "findings"
    [first, *_] = content["findings"]
    assert (first["rule"], first["rank"], first["layer"]) == ("zero-initialization", 1, "0")
    assert first["site"]["code"].startswith("model = nn.Sequential(")
    found = {each["rule"] for each in content["findings"]}
    found |= {name for each in content["findings"] for name in each["explains"]}
    silent = {each["rule"] for each in content["not_evaluated"]}
    rules = {rule.name() for rule in (*preflight_rules(), *architecture_rules())}
    assert found | silent | set(content["passed"]) == rules
    assert len(found) + len(silent) + len(content["passed"]) == len(rules)
    assert "loading 0" in done.stderr


def test_strict_exits_with_3_on_an_error_and_a_module_can_be_checked(check: Check):
    done = check("--strict", "-v", "-m", "train", "0")
    assert done.returncode == 3
    assert "✘ error[zero-initialization] layer 0" in done.stdout
    assert "  ✔ softmax-over-one-unit\n" in done.stdout


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("", ("missing.py",), "`missing.py` does not exist"),
        ("", (), "Expected a script or -m MODULE"),
        ("raise ValueError('no data')", ("bad.py",), "stopped with ValueError before it trained"),
        ("import torch", ("bad.py",), "`bad.py` ended without training a network"),
    ],
)
def test_what_cannot_be_done_is_one_clear_message(
    check: Check, folder: Path, text: str, arguments: tuple[str, ...], message: str
):
    (folder / "bad.py").write_text(text)
    done = check(*arguments)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())
    assert "defib/" not in done.stderr


def test_a_script_that_never_clears_its_gradients_is_told_so(check: Check, folder: Path):
    (folder / "bad.py").write_text(SCRIPT.replace("    optimizer.zero_grad()\n", ""))
    content = json.loads(check("--json", "bad.py").stdout)
    assert content["findings"][0]["rule"] == "missing-zero-grad"
