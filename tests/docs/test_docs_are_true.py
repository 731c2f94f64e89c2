"""What the written pages name exists."""

import re
from pathlib import Path

import pytest

from defib.cli.main import command_files
from defib.rules.base import every_rule

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_exists(page: Path):
    named = set(re.findall(r"(?:`|\$ )defib ([a-z][a-z-]*)", page.read_text()))
    assert named <= set(command_files())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_linked_file_exists(page: Path):
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_lists_every_rule():
    text = (ROOT / "README.md").read_text()
    rules = [rule.name() for rule in every_rule()]
    assert [name for name in rules if name not in text] == []
    assert f"{len(rules)} rules so far" in text


def test_the_notebook_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import torch

    monkeypatch.chdir(tmp_path)
    text = (ROOT / "README.md").read_text()
    [block] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    model = torch.nn.Linear(2, 1)
    names = {
        "model": model,
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1),
        "loader": [(torch.randn(4, 2), torch.randn(4, 1))],
    }
    exec(block, names)
    assert "monitor" in names
