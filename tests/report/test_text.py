import io
import re
import subprocess
import sys
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from defib.records.finding import Cause, Diagnosis, Finding, NotEvaluated, Severity, Status
from defib.records.site import Site
from defib.report.text import print_verdict


def printed(diagnosis, width=80, encoding="utf-8", **options):
    buffer = io.BytesIO()
    file = io.TextIOWrapper(buffer, encoding=encoding, newline="")
    console = Console(file=file, width=width, color_system=None)
    print_verdict(diagnosis, console, **options)
    file.flush()
    return buffer.getvalue().decode(encoding)


def diagnosis_of(name):
    """A diagnosis that has `name` wherever text can be."""
    finding = Finding(
        name,
        Severity.ERROR,
        f"message {name}",
        (0, 9),
        layer=name,
        site=Site(name, 7, name, name),
        evidence={name: name, "value": float("nan")},
        remedy=name,
    )
    cause = Cause(finding, symptoms=(finding,), also=(finding,))
    return Diagnosis(
        Status.UNDECIDED,
        name,
        script=name,
        causes=(cause,),
        not_evaluated=(NotEvaluated(name, name),),
        undecided_between=(name, name),
        notes=(name,),
    )


DYING_UNITS = """\
✘ dead-relu at train.py:21, since step 120 (suspected).

✘ error[dead-relu] layer fc2, steps 120 to 999, suspected
  97% of the ReLU units after `fc2` output zero for every input, since step 120
  (limit 60%).

      ╭─ train.py:21 in __init__
   21 │ self.fc2 = nn.Linear(100, 100)
      ╰─

  dead unit fraction           97%
  dead unit fraction at start   3%

  What to change: Lower the learning rate (divide it by 3 to 10: `lr=0.05`) or
  use a leaky ReLU.

  The same holds in fc3.

  explains: loss-plateau (The loss has not fallen since step 130: it ends at
            2.3, and a constant prediction has 2.303. 98% of its fluctuation
            comes from the label mix of the batches: the output hardly depends
            on the input)
            constant-output (The network gives every example the same output
            (spread 1.2e-9))

  2 rules could not judge this run; --verbose lists them.
  1,000 steps, 12.4 s, 0.8% overhead, record in defib-runs/train
  defib explain dead-relu        how the rule judges
  defib report defib-runs/train  the page with pictures
"""


def test_verdict_stands_as_designed(dying_run):
    assert printed(dying_run.diagnosis, run_directory="defib-runs/train") == DYING_UNITS


def test_verdict_comes_first(sample):
    assert sample.diagnosis.summary in printed(sample.diagnosis, 120).splitlines()[0]


def test_no_report_is_offered_without_a_run_directory(dying_run):
    text = printed(dying_run.diagnosis, run_directory=None)
    assert "defib report" not in text
    assert "record in" not in text


def test_details_list_the_rules_that_could_not_judge(healthy_run):
    assert "not recorded: evaluation_loss" not in printed(healthy_run.diagnosis)
    assert "not recorded: evaluation_loss" in printed(healthy_run.diagnosis, details=True)


def test_notes_are_printed(non_finite_run):
    assert "note: The script ended with an error: ValueError: x" in printed(
        non_finite_run.diagnosis
    )


def test_values_that_are_not_finite_are_shown(non_finite_run):
    text = printed(non_finite_run.diagnosis)
    assert "NaN" in text
    assert "infinity" in text


@pytest.mark.parametrize(
    ("seconds", "overhead", "is_told"), [(5.0, 0.06, True), (60.0, 0.06, False), (5.0, 0.01, False)]
)
def test_a_short_run_is_told_that_longer_ones_pay_less(seconds, overhead, is_told):
    diagnosis = Diagnosis(Status.HEALTHY, "Healthy.", seconds=seconds, overhead=overhead)
    assert ("(less in longer runs)" in printed(diagnosis)) is is_told


def test_rivals_are_named():
    diagnosis = Diagnosis(Status.UNDECIDED, "Undecided.", undecided_between=("one", "two"))
    assert "does not decide between one and two" in printed(diagnosis)


@pytest.mark.parametrize("width", [20, 40, 80, 120])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252"])
def test_no_line_is_wider_than_the_terminal(sample, width, encoding):
    text = printed(
        sample.diagnosis, width, encoding, details=True, run_directory="defib-runs/train-2026"
    )
    assert max(cell_len(line) for line in text.splitlines()) <= width


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252"])
def test_hostile_names_neither_widen_lines_nor_control_the_terminal(payloads, encoding):
    for payload in payloads:
        text = printed(diagnosis_of(payload), 80, encoding, details=True, run_directory=payload)
        lines = text.split("\n")
        assert max(map(cell_len, lines)) <= 80
        assert all(character.isprintable() for line in lines for character in line)


def test_markup_in_names_is_text():
    text = printed(diagnosis_of("[bold]x[/bold] [link=a]b[/link] :skull:"))
    assert "error[[bold]x[/bold] [link=a]b[/link] :skull:]" in text


def test_no_line_ends_with_a_space(sample):
    text = printed(sample.diagnosis, details=True, run_directory="runs")
    assert all(line == line.rstrip() for line in text.splitlines())


def test_ascii_terminals_get_ascii(dying_run):
    changed = replace(dying_run.diagnosis, notes=("a ≤ b → “c” …",))
    text = printed(changed, encoding="ascii")
    assert 'note: a <= b -> "c" ...' in text
    assert "   21 | self.fc2 = nn.Linear(100, 100)" in text


def test_colour_does_not_change_the_words(sample):
    colourful = io.StringIO()
    console = Console(file=colourful, width=80, color_system="truecolor", force_terminal=True)
    print_verdict(sample.diagnosis, console)
    stripped = re.sub(r"\x1b\[[0-9;]*m", "", colourful.getvalue())
    assert "\x1b[" in colourful.getvalue()
    assert stripped == printed(sample.diagnosis)


def test_import_needs_neither_torch_nor_the_libraries_of_the_page():
    code = (
        "import sys, defib.report.text, defib.report.machine\n"
        "print(*{'torch', 'matplotlib', 'jinja2'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


def test_a_hint_and_its_purpose_are_apart_however_long_the_name(dying_run):
    name = "a" * (80 // 2 - len("  defib explain "))
    cause = dying_run.diagnosis.causes[0]
    long = replace(cause, finding=replace(cause.finding, rule=name))
    diagnosis = replace(dying_run.diagnosis, causes=(long,))
    lines = printed(diagnosis, run_directory="defib-runs/a-script-of-a-long-name").splitlines()
    assert f"  defib explain {name}" in [line.rstrip() for line in lines]
