import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from defib.errors import UsageError
from defib.script.target_network import load_network

SOURCE = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, width, depth=2):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))

    def forward(self, x):
        return self.layers[0](x)

class Reading(nn.Module):
    def __init__(self):
        super().__init__()
        self.rates = [each.item() for each in torch.linspace(0, 1, 3)]

class Lost(nn.Module):
    def __init__(self):
        super().__init__()
        raise AssertionError("Torch not compiled with CUDA enabled")

def make(width: int = 3) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, width))

def anything():
    return 3

ready = nn.Sequential(nn.Linear(4, 4))
config = {"width": 3}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sys, "path", list(sys.path))
    path = tmp_path / "networks_of_a_user.py"
    path.write_text(SOURCE)
    return str(path)


def test_a_class_is_made_without_allocating_its_weights(file: str):
    network = load_network(file, "Net", {"width": 100_000, "depth": 30})
    assert {each.device.type for each in network.parameters()} == {"meta"}


def test_a_factory_is_called_with_the_arguments(file: str):
    network = load_network(file, "make", {"width": 5})
    assert next(network.parameters()).shape == (5, 5)


def test_an_instance_is_taken_as_it_is(file: str):
    assert next(load_network(file, "ready", {}).parameters()).device.type == "cpu"


def test_code_that_reads_values_is_run_with_values(file: str):
    assert load_network(file, "Reading", {}).rates == [0.0, 0.5, 1.0]


def test_weights_can_be_asked_for(file: str):
    network = load_network(file, "make", {}, is_meta=False)
    assert torch.isfinite(next(network.parameters())).all()


def test_an_installed_module_is_found_by_name():
    network = load_network("torch.nn", "Linear", {"in_features": 2, "out_features": 3})
    assert isinstance(network, nn.Linear)


def test_a_file_of_a_package_may_import_its_neighbours(file: str):
    package = Path(file).parent / "package_of_a_user"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "parts.py").write_text("from torch import nn\nhead = nn.Linear(2, 2)\n")
    (package / "whole.py").write_text("from .parts import head\n")
    assert isinstance(load_network(str(package / "whole.py"), "head", {}), nn.Linear)


def test_a_file_named_like_a_standard_module_is_still_the_users(file: str):
    mine = Path(file).parent / "json.py"
    mine.write_text("from torch import nn\nnet = nn.Linear(2, 2)\n")
    assert isinstance(load_network(str(mine), "net", {}), nn.Linear)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("Net", {}, r"needs `width`: give it with `--arg width=\.\.\.`"),
        ("Net", {"widht": 3}, "has no argument `widht`. Did you mean `width`"),
        ("Nett", {}, "There is no `Nett` in .* Did you mean `.*:Net`"),
        ("xyz", {}, "It defines the classes `Net`, .* and the factory `make` and the network"),
        ("config", {}, r"is no network \(dict\). It defines the classes `Net`"),
        ("anything", {}, r"returns no network \(int\). It defines"),
        ("ready", {"width": 3}, "is a network already"),
        ("Lost", {}, "moves data to a device that this machine lacks"),
        ("Net", {"width": "wide"}, "cannot be made: TypeError: .*networks_of_a_user.py:8"),
    ],
)
def test_what_cannot_be_made_is_told_in_a_sentence(file: str, name: str, arguments, message: str):
    with pytest.raises(UsageError, match=message):
        load_network(file, name, arguments)


def test_a_file_that_is_not_there_is_told():
    with pytest.raises(UsageError, match=r"There is no file `missing\.py`"):
        load_network("missing.py", "Net", {})


def test_a_module_that_is_not_there_is_told():
    with pytest.raises(UsageError, match=r"There is no module `missing\.networks`"):
        load_network("missing.networks", "Net", {})


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import not_installed_at_all\n", "ModuleNotFoundError: No module named .*:1"),
        ("x = 1\nraise ValueError('no')\n", r"ValueError: no \(.*.py:2: `raise ValueError"),
        ("import sys\nsys.exit(4)\n", r"ends the program when it is imported \(exit code 4\)"),
        ("def broken(:\n", "cannot be imported: SyntaxError"),
    ],
)
def test_a_file_that_fails_is_told_with_its_line(file: str, source: str, message: str):
    broken = Path(file).with_name(f"broken_{abs(hash(source))}.py")
    broken.write_text(source)
    with pytest.raises(UsageError, match=message):
        load_network(str(broken), "Net", {})


def test_a_file_without_networks_says_so(file: str):
    empty = Path(file).with_name("empty_of_networks.py")
    empty.write_text("x = 1\n")
    with pytest.raises(UsageError, match="It defines no network and no function"):
        load_network(str(empty), "x", {})
