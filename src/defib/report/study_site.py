"""Files of finished studies: result, pictures, page, and an index of several."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from defib.records.chart import Chart
from defib.records.study import StudyResult
from defib.records.study_json import RESULT_FILE, result_as_json, write_json
from defib.report.study_figures import drawn, write_pictures
from defib.report.study_page import render_index, render_study

PAGE_FILE = "index.html"
FIGURES_FOLDER = "figures"


def write_study(
    result: StudyResult, charts: tuple[Chart, ...], folder: Path, *, page: str, index: str = ""
) -> None:
    """Write `result.json`, `figures/NAME.svg` and `.png`, and `index.html` into `folder`."""
    pictures = tuple(drawn(chart) for chart in charts)
    write_json(folder / RESULT_FILE, result_as_json(result))
    write_pictures(pictures, folder / FIGURES_FOLDER)
    text = render_study(result, pictures, page=page, index=index)
    (folder / PAGE_FILE).write_text(text, encoding="utf-8")


def write_index(
    results: Mapping[str, StudyResult], questions: Mapping[str, str], out: Path
) -> Path:
    """Write the index of the studies whose folders in `out` are the keys; its path."""
    file = out / PAGE_FILE
    addresses = {f"{folder}/{PAGE_FILE}": result for folder, result in results.items()}
    file.write_text(render_index(addresses, questions), encoding="utf-8")
    return file
