"""What docs/derive.md shows is what the commands print."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from defib.cli.main import command_line
from defib.derivations.base import every_problem

PAGE = (Path(__file__).parents[2] / "docs" / "derive.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"`(derive [^`]*|defib derive [^`]*)`[^`]*```text\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("command", "block"), SHOWN, ids=[command for command, _ in SHOWN])
def test_a_block_is_part_of_the_output(command: str, block: str):
    words = shlex.split(command)[1:]
    output = CliRunner().invoke(command_line, words, env={"COLUMNS": "80"}).output
    assert block in output


def test_both_blocks_are_looked_at():
    assert len(SHOWN) == PAGE.count("```text") == 2


def test_every_derivation_is_named():
    assert [each.name() for each in every_problem() if f"`{each.name()}" not in PAGE] == []


def test_the_network_of_the_page_is_the_example(tmp_path: Path):
    from defib.derivations.backprop import EXAMPLE
    from defib.derivations.network import network_of, read_network

    [text] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "net.toml"
    file.write_text(text)
    assert read_network(file) == network_of(EXAMPLE)


def test_the_python_block_gives_what_it_says():
    [block] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    *statements, last = block.strip().splitlines()
    expression, _, promised = last.partition("#")
    names: dict[str, object] = {}
    exec("\n".join(statements), names)
    assert repr(eval(expression, names)) == promised.strip()
