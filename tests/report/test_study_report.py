"""Pages, texts and pictures of studies."""

import io
import math
import re
from dataclasses import replace

import pytest
from rich.console import Console

from defib.records.chart import (
    Bars,
    BarSeries,
    Chart,
    Heat,
    Image,
    ImageGrid,
    ImageKind,
    Line,
    Lines,
    Mark,
    Panel,
    Plane,
    Violin,
    Violins,
)
from defib.records.study import Claim, Published, StudyResult, Sureness, Table, Verdict
from defib.report.study_figures import drawn
from defib.report.study_page import render_index, render_study
from defib.report.study_text import numbers_text, print_studies, print_study, readable, tally

HOSTILE = "<script>alert(1)</script>\x1b[31m"


def result(text: str = "plain") -> StudyResult:
    published = Published(text, text, Sureness.REMEMBERED, {text: 1.0})
    claims = tuple(
        Claim(f"c{at}", f"{text}.", verdict, {text: 0.5}, published, text)
        for at, verdict in enumerate(Verdict)
    )
    table = Table(
        (text, "y", "y_low", "y_high"), ((text, 1.0, 0.5, 1.5), (text, 2.0, None, None)), 1
    )
    environment = {"command": text, "python": text}
    return StudyResult("some-study", ("A1",), {"seeds": 1}, 0, environment, {"t": table}, claims)


LINE = Line("measured", (1.0, 2.0), (0.1, 10.0), (-1.0, 5.0), (1.0, 20.0))
PANELS: dict[str, Panel] = {
    "lines": Lines(
        "x",
        "y",
        (LINE, replace(LINE, label="theory", is_theory=True)),
        is_log_y=True,
        is_log_x=True,
        marks=(Mark("limit", 1.0), Mark("at", 1.5, "x")),
    ),
    "dots": Lines("x", "y", (replace(LINE, is_dots=True),)),
    "bars": Bars(
        ("a", "b"),
        (
            BarSeries("one", (1, 2), (0.5, math.nan), (1.5, math.nan)),
            BarSeries("two", (3, math.nan)),
        ),
        "y",
    ),
    "plane": Plane((0.0, 0.5), (0.0, 0.5), (0, 1), ((0.0, 1.0), (1.0, 1.0)), 1.0),
    "heat": Heat("x", "y", ("1", "2"), ("a",), ((0.0, 1.0),)),
    "violins": Violins("y", (Violin("1", (0.0, 0.1, 0.9, 1.0)), Violin("2", (3.0, 3.0)))),
    "images": ImageGrid(
        (
            (Image(((0.0, 1.0), (1.0, 0.5)), caption="a"), None),
            (
                Image((((1.0, 0.0, 0.0),),), ImageKind.COLOUR),
                Image(((-0.5, 0.5),), ImageKind.DIFFERENCE),
                Image(((0, 1, 2),), ImageKind.CLASSES),
            ),
        ),
        columns=("before", "after"),
        rows=("first", "second"),
        classes=("page", "ink"),
    ),
}


@pytest.mark.parametrize("name", PANELS)
def test_every_kind_of_panel_is_drawn_alone_and_beside_others(name: str):
    for panels in ((PANELS[name],), (PANELS[name], PANELS["lines"])):
        picture = drawn(Chart("c", "Title", "What it shows.", panels, columns=2))
        assert picture.svg.startswith("<svg ")
        assert 'aria-label="Title. What it shows."' in picture.svg
        assert picture.png[1:4] == b"PNG"


@pytest.mark.parametrize("name", PANELS)
def test_the_same_chart_gives_the_same_bytes(name: str):
    chart = Chart("c", "Title", "What it shows.", (PANELS[name],))
    assert drawn(chart) == drawn(chart)


def test_lines_differ_in_more_than_their_colour():
    lines = tuple(Line(str(at), (0.0, 1.0), (at, at + 1.0)) for at in range(6))
    svg = drawn(Chart("c", "T", "D.", (Lines("x", "y", lines),))).svg
    assert len(set(re.findall(r"stroke-dasharray: ([^;\"]+)", svg))) >= 4


def test_the_page_has_claims_published_numbers_pictures_and_the_command():
    picture = drawn(Chart("c", "A picture", "It shows.", (PANELS["bars"],)))
    page = render_study(result(), (picture,), page="Is it so?\n\nThe protocol.")
    for text in (
        "Is it so?",
        "The protocol.",
        "plain.",
        "A picture",
        "<svg ",
        "To repeat it",
        "holds",
        "fails",
        "undecided",
        "from memory, not confirmed",
        "1 (0.5 to 1.5)",
    ):
        assert text in page


def test_the_page_loads_nothing_and_takes_every_name_as_text():
    page = render_study(result(HOSTILE), (), page=f"{HOSTILE}?\n\n{HOSTILE}")
    index = render_index({"s/index.html": result(HOSTILE)}, {"some-study": HOSTILE})
    for text in (page, index):
        assert "<script" not in text
        assert "\x1b" not in text
        assert "http://" not in text.replace("http://www.w3.org", "")
        assert "default-src 'none'" in text


def test_the_index_links_every_claim_to_its_page():
    index = render_index({"some-study/index.html": result()}, {"some-study": "Is it so?"})
    assert index.count('href="some-study/index.html#c') == 3


def test_the_terminal_shows_each_claim_with_its_numbers():
    console = Console(file=io.StringIO(), width=90, force_terminal=False)
    print_study(result(), console, question="Is it so?", has_tables=True)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    for each in ("some-study (A1)", "Is it so?", "plain 0.5", "Published: plain", "3 claims"):
        assert each in text


def test_bounds_stand_with_their_estimate():
    assert numbers_text({"x": 0.5, "x_low": 0.25, "x_high": 0.75}) == "x 0.5 (0.25 to 0.75)"
    heads, rows = readable(Table(("k", "y", "y_low", "y_high"), (("a", 1.0, 1.0, 1.0),), 1))
    assert heads == ("k", "y")
    assert rows == (("a", "1"),)


def test_the_tally_counts_in_words():
    assert tally(result().claims) == "3 claims: 1 holds, 1 fails, 1 undecided."
    assert tally(()) == "0 claims: 0 hold, 0 fail, 0 undecided."


def test_several_studies_are_one_table_with_every_claim():
    console = Console(file=io.StringIO(), width=90, force_terminal=False)
    print_studies([result(), result()], console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert text.count("plain.") == 6
    assert "2 studies: 6 claims" in text
