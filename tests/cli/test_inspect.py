import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from click.testing import CliRunner, Result

from defib.cli.main import command_line
from tests.warm_python import WarmPython

SOURCE = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        print("made")
        self.conv = nn.Conv2d(3, width, 5, stride=2)
        self.head = nn.Linear(width, 2)

    def forward(self, images):
        return self.head(self.conv(images).relu().mean((2, 3)))

class Masked(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(7, 7)

    def forward(self, x, mask):
        return self.layer(x).masked_fill(mask, 0.0)

class Unfit(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.head = nn.Linear(10, 2)

    def forward(self, x):
        return self.head(self.conv(x).flatten(1))

class OnGpu(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, x):
        raise AssertionError("Torch not compiled with CUDA enabled")

def make_useless() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 1), nn.Softmax(1))

class Bilinear(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Bilinear(2, 3, 4)

    def forward(self, x, y):
        return self.layer(x, y)
"""

SCRIPT = """
import sys
import torch
from torch import nn

torch.manual_seed(0)
print("loading", *sys.argv[1:])
width = int(sys.argv[1]) if len(sys.argv) > 1 else 4
model = nn.Sequential(nn.Linear(6, width), nn.ReLU(), nn.Linear(width, 3))
judge = nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
loss_function = nn.CrossEntropyLoss()
with torch.no_grad():
    model(torch.randn(100, 6))
for step in range(3):
    loss = loss_function(model(torch.randn(5, 6)), torch.zeros(5, dtype=torch.int64))
    optimizer.zero_grad()
    {catch}
    optimizer.step()
    print("stepped")
    open("stepped", "w")
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "net.py").write_text(SOURCE)
    (tmp_path / "train.py").write_text(SCRIPT.replace("{catch}", "loss.backward()"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def inspect(*arguments: str) -> Result:
    return CliRunner().invoke(command_line, ["inspect", *arguments], env={"COLUMNS": "100"})


InspectScript = Callable[..., CompletedProcess[str]]


@pytest.fixture
def inspect_script(warm_python: WarmPython) -> InspectScript:
    """In a process of its own, whose interpreter the script may have."""

    def run(*arguments: str) -> CompletedProcess[str]:
        return warm_python.run("defib", "inspect", *arguments, environment={"COLUMNS": "100"})

    return run


def as_json(*arguments: str):
    done = inspect(*arguments, "--json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def test_a_class_is_shown_with_its_layers_and_sums():
    done = inspect("net.py:Net", "--input", "1x3x45x45")
    assert done.exit_code == 0
    words = done.stdout.split()
    assert {"conv", "Conv2d", "1×8×21×21", "600", "264,600"} <= set(words)


def test_work_shows_the_arithmetic():
    text = inspect("net.py:Net", "--input", "1x3x45x45", "--work").stdout
    assert "(5*5*3)*8 = 600" in text
    assert "(45 - 5)/2 + 1 = 21" in text


def test_formulas_and_columns_may_stand_together():
    arguments = ("net.py:Net", "--formulas", "--only", "weights", "macs", "--input", "1x3x45x45")
    text = inspect(*arguments).stdout
    assert "H_out = floor((H - 5)/2) + 1" in text
    assert "activations" not in text.split("total")[0]


def test_json_goes_to_standard_output_alone():
    done = inspect("net.py:Net", "--json")
    assert json.loads(done.stdout)["total"]["parameters"] == 600 + 8 + 16 + 2
    assert "made" in done.stderr


def test_arguments_change_the_network():
    assert as_json("net.py:Net", "--arg", "width=16")["total"]["weights"] == 1200 + 32


def test_the_element_type_changes_the_bytes():
    single = as_json("net.py:Net")["total"]["activation_bytes"]
    half = as_json("net.py:Net", "--dtype", "bfloat16")["total"]["activation_bytes"]
    assert single == 2 * half


def test_an_input_that_was_not_given_is_assumed_and_said():
    text = " ".join(inspect("net.py:Net").stdout.split())
    assert "No input was given: `--input 1x3x224x224` is assumed" in text


def test_inputs_may_be_given_by_name():
    content = as_json("net.py:Masked", "--input", "2x7", "--keyword", "mask=2x7:bool")
    assert content["inputs"][1] == {"shape": [2, 7], "type": "bool"}


def test_signals_are_measured_on_weights_with_numbers():
    text = inspect("net.py:Net", "--input", "4x3x45x45", "--signals").stdout
    assert "Signals and gradients at these weights" in text
    assert "times" in text
    assert inspect("net.py:Net", "--input", "4x3x45x45", "--signals").stdout == text


def test_signals_need_inputs_in_order():
    done = inspect("net.py:Masked", "--input", "2x7", "--keyword", "mask=2x7:bool", "--signals")
    assert done.exit_code == 2
    assert "does not take inputs by name" in done.stderr


def test_csv_markdown_and_a_page(folder: Path):
    assert inspect("net.py:Net", "--csv").stdout.startswith("name,call,marks,type")
    assert inspect("net.py:Net", "--markdown").stdout.startswith("# Net")
    done = inspect("net.py:Net", "--html", "page.html")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "<h1>Net</h1>" in (folder / "page.html").read_text()


def test_a_page_that_cannot_be_written_is_told():
    done = inspect("net.py:Net", "--html", "missing/page.html")
    assert done.exit_code == 2
    assert "cannot be written" in done.stderr


def test_a_script_is_inspected_at_its_first_batch_and_takes_no_step(folder: Path):
    done = subprocess.run(
        [sys.executable, "-m", "defib", "inspect", "train.py", "--json"],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "100", "OMP_NUM_THREADS": "1"},
    )
    content = json.loads(done.stdout)
    assert content["input"] == [[5, 6]]
    assert content["total"]["parameters"] == 6 * 4 + 4 + 4 * 3 + 3
    assert "loading" in done.stderr
    assert "stepped" not in done.stderr
    assert not (folder / "stepped").exists()


def test_a_script_that_catches_everything_is_still_stopped(
    inspect_script: InspectScript, folder: Path
):
    catching = "try:\n        loss.backward()\n    except:\n        pass"
    (folder / "train.py").write_text(SCRIPT.replace("{catch}", catching))
    done = inspect_script("train.py", "--json", "--", "8")
    assert json.loads(done.stdout)["total"]["weights"] == 6 * 8 + 8 * 3
    assert not (folder / "stepped").exists()


def test_a_script_that_trains_nothing_is_told_what_it_defines(inspect_script: InspectScript):
    done = inspect_script("net.py")
    assert done.returncode == 2
    assert "`net.py` ended without training a network. It defines the classes" in done.stderr


def test_a_script_that_fails_is_told_with_its_traceback(
    inspect_script: InspectScript, folder: Path
):
    (folder / "train.py").write_text("raise ValueError('no data')\n")
    done = inspect_script("train.py")
    assert done.returncode == 2
    assert "ValueError: no data" in done.stderr
    assert "stopped with ValueError before it trained a network" in done.stderr
    assert "defib/" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("missing.py:Net",), "There is no file `missing.py`"),
        (("missing.py",), "`missing.py` does not exist"),
        (("net.py:Nett",), "Did you mean `net.py:Net`?"),
        (("net.py:Net", "--input", "1x3xx"), "`1x3xx` is no size of an input"),
        (("net.py:Net", "--only", "weigths"), "Did you mean `weights`?"),
        (("net.py:Net", "--arg", "widht=3"), "has no argument `widht`. Did you mean `width`?"),
        (("net.py:Net", "--dtype", "flaot32"), "Did you mean `float32`"),
        (("net.py:Net", "--", "8"), "takes its arguments with `--arg`"),
        (("train.py", "--arg", "width=8"), "arguments of a script stand behind `--`"),
        (("net.py:Masked",), "also needs the input `mask`"),
        (("net.py:Bilinear",), "cannot be told from its first layer"),
        (("net.py:OnGpu", "--input", "1x3"), "moves data to a device"),
        ((), "Expected a network"),
    ],
)
def test_what_cannot_be_done_is_one_clear_message(arguments: tuple[str, ...], message: str):
    done = inspect(*arguments)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_wrong_shape_shows_the_layers_up_to_the_one_that_failed():
    done = inspect("net.py:Unfit", "--input", "1x3x8x8")
    assert done.exit_code == 2
    assert "1×4×6×6" in done.stdout
    assert "`head` (Linear) expects 10 input features but received 144" in done.stderr


def test_findings_are_told_and_strict_makes_them_count(inspect_script: InspectScript):
    arguments = ("net.py:make_useless", "--input", "2x3")
    text = inspect(*arguments).stdout
    assert "error[softmax-over-one-unit] layer 1" in text
    done = inspect_script(*arguments, "--strict", "--json")
    assert done.returncode == 3
    [finding] = [
        each
        for each in json.loads(done.stdout)["findings"]
        if each["rule"] == "softmax-over-one-unit"
    ]
    assert finding["severity"] == "error"


def test_columns_are_listed():
    done = inspect("--columns")
    assert "receptive-field" in done.stdout


def test_the_effective_field_of_a_layer_stands_beside_the_theoretical_one():
    output = inspect("net.py:Net", "--input", "1x3x21x21", "--effective", "conv").output
    rows = output.partition("Effective receptive fields")[2].splitlines()
    row = next(line for line in rows if "conv" in line)
    assert row.split()[:3] == ["conv", "5×5", "5×5"]


def test_the_effective_field_of_an_unknown_layer_is_a_clear_error():
    done = inspect("net.py:Net", "--input", "1x3x21x21", "--effective", "conf")
    assert done.exit_code == 2
    assert "Did you mean `conv`" in done.output


def test_the_effective_field_of_a_network_without_space_is_a_clear_error():
    done = inspect("net.py:make_useless", "--input", "2x3", "--effective", "0")
    assert done.exit_code == 2
    assert "axes of space" in done.output


def test_signals_tell_how_likely_a_narrow_network_is_born_dead(folder: Path):
    layers = "nn.Linear(1, 2), " + "nn.ReLU(), nn.Linear(2, 2), " * 8 + "nn.ReLU(), nn.Linear(2, 1)"
    source = (
        f"from torch import nn\ndef narrow() -> nn.Module:\n    return nn.Sequential({layers})\n"
    )
    (folder / "narrow.py").write_text(source)
    output = " ".join(inspect("narrow.py:narrow", "--input", "4x1", "--signals").output.split())
    # Nine hidden layers of width 2: between 0.8703 and 0.8999 (Lu et al. 2019).
    assert "bounds 87.03% and 89.99%" in output
