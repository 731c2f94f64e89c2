from pathlib import Path

import numpy as np
import pytest

from defib.errors import UsageError
from defib.report.figures.style import figure_style
from defib.report.schedule_figure import save_schedule_figure, schedule_figure

BEGINNINGS = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}
VALUES = np.array([0.0, 0.1, 0.2])


@pytest.mark.parametrize("ending", [".png", ".svg", ".pdf", ".PNG"])
@pytest.mark.parametrize("is_log", [False, True])
def test_the_ending_chooses_the_format(tmp_path: Path, ending: str, is_log: bool):
    file = tmp_path / f"plan{ending}"
    save_schedule_figure(file, VALUES, title="plan", quantity="learning rate", is_log=is_log)
    assert file.read_bytes().startswith(BEGINNINGS[ending.lower()])


def test_another_ending_is_refused(tmp_path: Path):
    with pytest.raises(UsageError, match=r"must end in \.png, \.svg or \.pdf"):
        save_schedule_figure(tmp_path / "plan.jpg", VALUES, title="", quantity="")


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path):
    with pytest.raises(UsageError, match="cannot be written"):
        save_schedule_figure(tmp_path / "no" / "plan.png", VALUES, title="", quantity="")


def test_the_line_holds_each_value_for_its_step():
    with figure_style():
        [axes] = schedule_figure(VALUES, title="plan", quantity="learning rate").axes
    [line] = axes.lines
    assert line.get_drawstyle() == "steps-post"
    assert np.array_equal(line.get_ydata(), VALUES)
    assert axes.get_ylabel() == "learning rate"
