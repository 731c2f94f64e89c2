import re
from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure

from defib.report.figures.gallery import loss_picture
from defib.report.figures.svg import svg_element


@pytest.fixture
def svg(dying_run):
    return loss_picture(dying_run.record, dying_run.diagnosis).svg


def test_element_is_one_tree_with_a_label_for_readers_who_cannot_see_it(svg):
    root = ElementTree.fromstring(svg)
    assert root.tag == "svg"
    assert root.get("role") == "img"
    assert "It goes from 2.314 at step 0" in root.get("aria-label")


def test_element_holds_no_address_style_sheet_or_date(svg):
    assert "http" not in svg
    assert "<style" not in svg
    assert "<metadata" not in svg
    assert not re.search(r"20\d\d-\d\d", svg)


def test_every_reference_has_its_target_and_every_id_a_reference(svg):
    ids = re.findall(r' id="([^"]+)"', svg)
    references = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg)
    assert len(ids) == len(set(ids))
    assert set(ids) == {first or second for first, second in references}


def test_ids_of_two_figures_differ(dying_run, healthy_run):
    ids = [
        set(re.findall(r' id="([^"]+)"', loss_picture(each.record, each.diagnosis).svg))
        for each in (dying_run, healthy_run)
    ]
    assert not ids[0] & ids[1]


def test_text_is_text(svg):
    assert ">loss</text>" in svg
    assert ">dead-relu, step 120</text>" in svg


def test_a_hatch_keeps_its_pattern():
    figure = Figure()
    figure.subplots().bar([0], [1], hatch="//", facecolor="white")
    svg = svg_element(figure, "hatched")
    [pattern] = re.findall(r'<pattern[^>]* id="(\w+-?\w*)"', svg)
    assert f"url(#{pattern})" in svg
