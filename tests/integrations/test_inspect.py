from pathlib import Path

import pytest
import torch
from torch import nn

import defib


@pytest.fixture(scope="module")
def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 2))


def test_an_inspection_prints_as_a_table(network: nn.Module):
    text = str(defib.inspect(network, (1, 3, 8, 8)))
    assert "Conv2d" in text
    assert "1×4×6×6" in text


def test_a_table_keeps_to_its_width(network: nn.Module):
    lines = defib.inspect(network, (1, 3, 8, 8)).table(60).splitlines()
    assert max(map(len, lines)) <= 60


def test_the_working_shows_the_arithmetic(network: nn.Module):
    assert "(3*3*3)*4 = 108" in defib.inspect(network, (1, 3, 8, 8)).work()


def test_an_example_batch_does_as_well_as_a_shape(network: nn.Module):
    by_shape = defib.inspect(network, (2, 3, 8, 8)).as_json()
    by_batch = defib.inspect(network, torch.randn(2, 3, 8, 8)).as_json()
    assert by_shape["total"] == by_batch["total"]


def test_the_loss_lets_its_rules_judge():
    network = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3), nn.Softmax(dim=1))
    found = {each.rule for each in defib.inspect(network, (2, 4), loss="cross-entropy").findings}
    assert "softmax-before-cross-entropy" in found


def test_the_page_needs_nothing_else(network: nn.Module, tmp_path: Path):
    page = defib.inspect(network, (1, 3, 8, 8)).report(tmp_path / "page.html").read_text()
    assert "<html" in page
    assert "://" not in page.replace("http://www.w3.org", "")


def test_a_notebook_shows_the_table_as_text():
    class Odd(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + 1

    Odd.__name__ = "<b>"
    html = defib.inspect(nn.Sequential(Odd()), (1, 2))._repr_html_()
    assert html.startswith("<pre")
    assert "<b>" not in html
