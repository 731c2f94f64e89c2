import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from defib.errors import UnknownNameError, UsageError
from defib.records.architecture import Architecture
from defib.records.finding import Finding, Severity
from defib.report.architecture_columns import COLUMNS, columns_called, usual_columns
from defib.report.architecture_rows import SUMMED, rows_of, summed, total_row
from defib.report.architecture_table import TableOptions, print_architecture
from defib.report.architecture_totals import totals_of
from defib.report.architecture_work import print_work
from defib.testing import make_architecture, make_layer
from tests.report.architectures import doubtful_network, small_network

GOLDEN = Path(__file__).parent / "golden"


def shown(
    architecture: Architecture,
    options: TableOptions | None = None,
    *,
    width: int = 80,
    has_work: bool = False,
    findings: tuple[Finding, ...] = (),
) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, highlight=False, markup=False, emoji=False)
    (print_work if has_work else print_architecture)(
        architecture, console, options or TableOptions(), findings
    )
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


@pytest.mark.parametrize(
    ("name", "width", "has_work"),
    [("table_80", 80, False), ("table_120", 120, False), ("work_80", 80, True)],
)
def test_it_looks_as_it_did(name: str, width: int, has_work: bool):
    expected = (GOLDEN / f"architecture_{name}.txt").read_text()
    assert shown(small_network(), width=width, has_work=has_work) == expected


@pytest.mark.parametrize("width", [50, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int):
    for has_work in (False, True):
        lines = shown(small_network(), width=width, has_work=has_work).splitlines()
        assert max(map(cell_len, lines)) <= width


@pytest.mark.parametrize("depth", [None, 0, 1, 2])
@pytest.mark.parametrize("field", SUMMED)
def test_the_rows_add_up_to_the_total_at_every_depth(depth: int | None, field: str):
    rows = rows_of(small_network(), depth)
    whole = getattr(total_row(small_network()).layer, field).value
    assert summed([row.layer for row in rows], field).value == whole


@pytest.mark.parametrize("column", [each for each in COLUMNS if each.count is not None])
def test_the_numbers_of_a_column_add_up_to_the_last_line(column):
    cells = [column.cell(row) for row in rows_of(small_network())]
    numbers = [int(cell.replace(",", "")) for cell in cells if cell]
    total = column.cell(total_row(small_network())).replace(",", "")
    assert sum(numbers) == int(total or 0)


def test_modules_deeper_than_asked_are_folded_into_sums():
    [stage, head] = rows_of(small_network(), depth=1)
    assert (stage.label, stage.folded) == ("stage", 3)
    assert stage.layer.weights.value == 5 * 5 * 3 * 8 + 5 * 5 * 8 * 16
    assert head.folded == 0


def test_a_network_that_computes_itself_has_a_row():
    own = make_architecture(
        make_layer("", "Net", is_leaf=False, macs=5), make_layer("fc", macs=6), name="Net"
    )
    assert [(row.label, row.indent) for row in rows_of(own)] == [("Net", 0), ("fc", 1)]


def test_names_stand_under_the_module_that_calls_them():
    rows = rows_of(small_network())
    assert [(row.label, row.indent) for row in rows[:3]] == [("stage", 0), ("0", 1), ("1", 1)]


def test_a_narrow_table_says_what_it_leaves_out():
    text = shown(small_network(), width=60)
    assert "No room for" in text
    assert "whole input" in shown(small_network(), width=80)


def test_columns_that_were_asked_for_are_never_left_out():
    options = TableOptions(only=("macs", "stride", "saved"))
    text = shown(small_network(), options, width=60)
    assert "No room" not in text
    assert "effective" in text


def test_only_takes_several_names_at_once_and_forgives_the_spelling():
    names = [column.name for column in columns_called(("Weights,macs", "receptive_field"))]
    assert names == ["layer", "weights", "macs", "receptive-field"]


def test_an_unknown_column_is_answered_with_near_ones():
    with pytest.raises(UnknownNameError, match=r"no column `weigths`\. Did you mean `weights`"):
        columns_called(("weigths",))


def test_operations_take_the_place_of_multiply_accumulates():
    assert "flops" in [column.name for column in usual_columns(has_flops=True)]
    text = shown(small_network(), TableOptions(has_flops=True))
    macs = totals_of(small_network()).macs.value
    assert f"{2 * macs:,}" in text


def test_frozen_shared_and_repeated_calls_are_marked():
    assert "head (frozen)" in shown(small_network())
    assert "fourier (shared, call 2)" in shown(doubtful_network())


def test_what_is_not_exact_is_marked_with_its_reason_below():
    text = shown(doubtful_network())
    assert "≥ 7" in text
    assert "?" in text
    assert "Not exact: MACs of fourier: `fft` is not counted" in text
    assert "Not exact: MACs of custom: a kernel of its own" in text
    assert "1 module defined and never called: `spare`." in text


def test_parameters_that_no_call_accounts_for_are_told():
    spare = replace(small_network(), layers=small_network().layers[:-1])
    assert "2,594 in modules never called" in " ".join(shown(spare).split())
    assert totals_of(spare).parameters.value == totals_of(small_network()).parameters.value


def test_the_training_memory_is_that_of_the_optimizer():
    assert totals_of(small_network()).optimizer == "Adam"
    assert totals_of(small_network(), "sgd").training_bytes.value == 25_672 + 15_296 + 80_000
    assert "states of SGD 0 bytes" in shown(small_network(), TableOptions(optimizer="sgd"))


def test_an_unknown_optimizer_is_answered_with_near_ones():
    with pytest.raises(UnknownNameError, match=r"no optimiser `Adm`\. Did you mean `Adam`"):
        totals_of(small_network(), "Adm")


def test_an_optimizer_without_known_memory_is_refused():
    with pytest.raises(UsageError, match="not known here"):
        totals_of(doubtful_network(), "Adam")


def test_findings_stand_below_with_their_line():
    finding = Finding(
        "activation-twice",
        Severity.WARNING,
        "`relu` is applied twice.",
        (0, 0),
        layer="stage.1",
        site=small_network().layers[2].site,
        remedy="Remove one.",
    )
    text = shown(small_network(), findings=(finding,))
    assert "warning[activation-twice] layer stage.1" in text
    assert "net.py:12  hidden = self.conv1(images)" in text
    assert "What to change: Remove one." in text


def test_work_in_columns_that_are_chosen_is_a_table():
    text = shown(small_network(), TableOptions(only=("weights",)), has_work=True)
    assert re.search(r"0 +Conv2d +\(5\*5\*3\)\*8 = 600", text)


def test_formulas_are_shown_on_request():
    text = shown(small_network(), TableOptions(has_formulas=True))
    assert "H_out = floor((H - 5)/2) + 1" in text


def test_a_name_cannot_steer_the_terminal():
    evil = make_architecture(make_layer("\x1b[31mred", "Evil\x1b[0m", macs=1))
    assert "\x1b" not in shown(evil)
    assert "\x1b" not in shown(evil, has_work=True)


def test_a_network_without_layers_is_shown():
    assert "parameters" in shown(make_architecture())
    assert "parameters" in shown(make_architecture(), has_work=True)
