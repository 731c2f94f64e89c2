import csv
import io
import json
import re
from dataclasses import replace
from itertools import pairwise

import pytest

from defib.analysis.signal_propagation.results import (
    Initialization,
    LayerSignal,
    Moments,
    Pass,
    Prediction,
    SignalPropagation,
)
from defib.records.architecture import Architecture, Exactness, ReceptiveField
from defib.records.finding import Finding, Severity
from defib.records.site import Site
from defib.report.architecture_json import architecture_as_json
from defib.report.architecture_page import render_architecture
from defib.report.architecture_sheet import architecture_as_csv, architecture_as_markdown
from defib.report.architecture_table import TableOptions
from defib.testing import make_architecture, make_layer
from tests.report.architectures import doubtful_network, small_network

EVIL = "<script>alert(1)</script>\x1b[31m|`*"
FINDING = Finding("dead-layer", Severity.ERROR, "`fc` is zero.", (0, 0), layer="fc")


def as_json(architecture: Architecture, **options):
    content = architecture_as_json(architecture, (FINDING,), **options)
    return json.loads(json.dumps(content, allow_nan=False))


def rows_of_csv(architecture: Architecture, options: TableOptions | None = None):
    text = architecture_as_csv(architecture, options or TableOptions())
    return list(csv.DictReader(io.StringIO(text)))


def test_json_has_the_promised_keys():
    content = as_json(small_network())
    assert {"version", "input", "total", "layers", "findings"} <= set(content)
    promised = {"parameters", "weights", "biases", "macs", "activations", "training_bytes"}
    assert promised <= set(content["total"])
    layer = {"name", "type", "call", "output", "weights", "biases", "macs", "activations"}
    layer |= {"saved_bytes", "receptive_field", "exact", "work", "site"}
    assert all(layer <= set(each) for each in content["layers"])


def test_json_holds_the_numbers_with_their_working():
    first = as_json(small_network())["layers"][1]
    assert (first["name"], first["type"], first["output"]) == ("stage.0", "Conv2d", [1, 8, 21, 21])
    assert first["weights"] == 600
    assert first["work"]["weights"] == "(5*5*3)*8 = 600"
    assert first["work"]["output"] == ["(45 - 5)/2 + 1 = 21"]
    field = {"size": [5, 5], "stride": [2, 2], "offset": [0, 0], "holes": False}
    assert first["receptive_field"] == field
    assert first["exact"] is True
    assert first["site"]["line"] == 12


def test_json_says_what_is_global_and_what_is_unknown():
    assert as_json(small_network())["layers"][-1]["receptive_field"] == "global"
    unknown = ReceptiveField(exactness=Exactness.UNKNOWN, reason="a sort")
    layer = make_layer("sort", "Sort", receptive_field=unknown)
    [content] = as_json(make_architecture(layer))["layers"]
    assert (content["receptive_field"], content["exact"]) == (None, "unknown")
    assert content["inexact"] == {"receptive_field": "a sort"}


def test_json_has_no_number_where_none_is_known():
    fourier, custom, _ = as_json(doubtful_network())["layers"]
    assert (fourier["macs"], fourier["exact"]) == (7, "lower bound")
    assert (custom["macs"], custom["exact"]) == (None, "unknown")


def test_json_of_layers_adds_up_to_the_total():
    content = as_json(small_network())
    for field in ("weights", "biases", "macs", "activations"):
        assert sum(layer[field] for layer in content["layers"]) == content["total"][field]


def test_json_of_an_unknown_training_memory_is_null():
    assert as_json(doubtful_network())["total"]["training_bytes"] is None


def test_csv_has_a_line_for_each_call_and_plain_numbers():
    rows = rows_of_csv(small_network())
    assert [row["name"] for row in rows][:2] == ["stage", "stage.0"]
    assert rows[1]["macs"] == "264600"
    assert rows[-1]["marks"] == "frozen"


def test_csv_tells_bounds_from_numbers():
    assert [row["macs"] for row in rows_of_csv(doubtful_network())] == [">=7", "?", "0"]


def test_csv_has_only_the_columns_that_were_asked_for():
    [first, *_] = rows_of_csv(small_network(), TableOptions(only=("weights",), depth=1))
    assert first == {"name": "stage", "call": "0", "marks": "", "weights": "3800"}


def test_markdown_is_a_table_with_full_names_and_sums():
    text = architecture_as_markdown(small_network(), TableOptions(), (FINDING,))
    assert "| stage.0 | Conv2d |" in text
    assert "**526,392**" in text
    assert "error[dead-layer]" in text
    widths = {line.count(" | ") for line in text.splitlines() if line.startswith("| ")}
    assert len(widths) == 1


def test_markdown_holds_the_working_on_request():
    text = architecture_as_markdown(small_network(), TableOptions(), has_work=True)
    assert r"(5\*5\*3)\*8 = 600" in text


def evil_network() -> Architecture:
    layer = make_layer(EVIL, EVIL, macs=1, site=Site(EVIL, 1, EVIL, EVIL), depth=1)
    network = make_architecture(make_layer("", EVIL, is_leaf=False), layer, name=EVIL)
    return replace(network, notes=(EVIL,), uncalled=(EVIL,))


def test_a_strange_name_is_text_in_every_format():
    finding = replace(FINDING, message=EVIL, layer=EVIL, remedy=EVIL)
    page = render_architecture(evil_network(), TableOptions(), (finding,))
    assert "<script" not in page
    assert "\x1b" not in page
    assert "\x1b" not in architecture_as_markdown(evil_network(), TableOptions(), (finding,))
    assert as_json(evil_network())["name"] == EVIL


def test_the_page_allows_nothing_but_its_own_styles():
    page = render_architecture(small_network(), TableOptions())
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert policy in page
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", page)


def test_the_page_shows_numbers_working_and_pictures():
    page = render_architecture(small_network(), TableOptions(), (FINDING,))
    for part in (
        "6,418",
        "(5*5*3)*8 = 600",
        "Receptive field of each layer",
        "It grows from 5×5 to 13×13 input positions",
        "dead-layer",
        "float32 throughout",
        "frozen",
    ):
        assert part in page
    assert page.count("<svg") == 1


def test_headings_of_the_page_follow_one_another():
    page = render_architecture(small_network(), TableOptions(), (FINDING,))
    levels = [int(level) for level in re.findall(r"<h([1-6])", page)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def signal(layer: str, forward: float, backward: float) -> LayerSignal:
    def passed(value: float) -> Pass:
        moments = Moments(0.0, value, value)
        return Pass(moments, None, value, None, Prediction.CHAINED)

    initialization = Initialization(100.0, 0.1, 0.0, 1.41, 1.41, 0.14, 0.7)
    return LayerSignal(
        layer, 0, "Linear", "relu", None, passed(forward), passed(backward), initialization, None
    )


def test_the_page_has_the_course_of_the_signals_where_it_was_measured():
    layers = tuple(signal(f"fc{depth}", 6.0**-depth, 1e-9 * 6.0**depth) for depth in range(1, 6))
    page = render_architecture(
        small_network(), TableOptions(), signals=SignalPropagation(layers, ())
    )
    assert "Signals and gradients against depth" in page
    assert page.count("<svg") == 2


def test_a_signal_of_zero_or_infinity_is_no_obstacle():
    layers = (signal("a", 0.0, float("inf")), signal("b", float("nan"), 0.0))
    page = render_architecture(
        small_network(), TableOptions(), signals=SignalPropagation(layers, ())
    )
    assert page.count("<svg") == 2


@pytest.mark.parametrize("architecture", [make_architecture(), doubtful_network()])
def test_every_format_takes_what_is_incomplete(architecture: Architecture):
    architecture = replace(architecture, is_traced=False, notes=("It stopped.",))
    assert "It stopped." in render_architecture(architecture, TableOptions())
    assert "It stopped." in architecture_as_markdown(architecture, TableOptions())
    assert as_json(architecture)["is_traced"] is False
