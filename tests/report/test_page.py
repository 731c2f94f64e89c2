import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from defib.records.finding import (
    Cause,
    Diagnosis,
    Finding,
    NotEvaluated,
    Severity,
    Status,
)
from defib.records.run import (
    Coverage,
    Event,
    LayerFact,
    LoaderFact,
    LossFact,
    OptimizerFact,
    ParameterFact,
    RunEnding,
    RunRecord,
)
from defib.records.series import Series
from defib.records.site import Site
from defib.report.page import render_html
from defib.report.printable import printable
from defib.testing import make_run

CONTENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


class Parsed(HTMLParser):
    """The tags, attributes and visible text of a page."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.texts, self.comments = [], [], [], []
        self.open = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.open.append(tag)
        if tag not in ("code", "span", "strong"):
            self.texts.append(" ")

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)

    def handle_data(self, data):
        if "style" not in self.open[-1:]:
            self.texts.append(data)

    def handle_comment(self, data):
        self.comments.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", "".join(self.texts))


def everywhere(name, **series):
    """A record and its diagnosis that have `name` wherever the user's text can stand."""
    site = Site(name, 7, name, name)
    finding = Finding(
        name,
        Severity.ERROR,
        name,
        (0, 9),
        layer=name,
        site=site,
        evidence={name: name},
        remedy=name,
        fixes=(name,),
    )
    record = replace(
        make_run(**series),
        script=name,
        arguments=(name,),
        started=name,
        versions={name: name},
        ending=RunEnding.RAISED,
        error=name,
        layers=(LayerFact(name, name, activation=name, site=site),),
        parameters=(ParameterFact(name, name, (2, 2)),),
        optimizers=(OptimizerFact(name, name, site, site, {name: 1.0}),) * 2,
        losses=(LossFact(name, name, (name,), name, site),) * 2,
        loaders=(LoaderFact(name, site=site),),
        events=(Event(name, 1, {name: name}, site),),
        coverage=Coverage(opaque=(name,)),
    )
    diagnosis = Diagnosis(
        Status.FINDINGS,
        name,
        script=name,
        causes=(Cause(finding, symptoms=(finding,), also=(finding,)),) * 2,
        not_evaluated=(NotEvaluated(name, name),),
        undecided_between=(name,),
        notes=(name,),
    )
    return record, diagnosis


def page_of(sample):
    return render_html(sample.record, sample.diagnosis)


def test_page_allows_nothing_but_its_own_styles(sample):
    parsed = Parsed(page_of(sample))
    assert ("meta", "content", CONTENT_POLICY) in parsed.attributes
    assert "script" not in parsed.tags
    assert "link" not in parsed.tags


def test_page_refers_to_nothing_outside(sample):
    page = page_of(sample)
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", page)
    for _, name, value in Parsed(page).attributes:
        if name in ("href", "src"):
            assert value.startswith(("#", "data:image/png;base64,"))


def test_ids_are_unique_and_links_lead_somewhere(sample):
    attributes = Parsed(page_of(sample)).attributes
    ids = [value for _, name, value in attributes if name == "id"]
    links = [value for tag, name, value in attributes if (tag, name) == ("a", "href")]
    assert len(ids) == len(set(ids))
    assert {link.removeprefix("#") for link in links} <= set(ids)


def test_every_figure_is_described(sample):
    parsed = Parsed(page_of(sample))
    labels = [
        value for tag, name, value in parsed.attributes if (tag, name) == ("svg", "aria-label")
    ]
    assert len(labels) == parsed.tags.count("svg") >= 1
    assert all(len(label) > 30 for label in labels)


def test_headings_follow_one_another(sample):
    levels = [int(tag[1]) for tag in Parsed(page_of(sample)).tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_verdict_causes_and_loss_come_in_this_order(dying_run):
    text = Parsed(page_of(dying_run)).text
    parts = (
        dying_run.diagnosis.summary,
        "97% of the ReLU units after fc2",
        "self.fc2 = nn.Linear(100, 100)",
        "dead unit fraction",
        "What to change.",
        "ReLU units that output zero for every input, by layer",
        "This explains",
        "The loss",
        "The training at a glance",
        "What was not judged",
        "How it was watched",
    )
    place = 0
    for part in parts:
        place = text.index(part, place + 1)


def test_healthy_page_is_calm_and_says_what_it_does_not_know(healthy_run):
    text = Parsed(page_of(healthy_run)).text
    assert "No fault found" in text
    assert "2 rules could not judge" in text
    assert "What to change" not in text


def test_facts_of_the_training_are_shown(dying_run):
    text = Parsed(page_of(dying_run)).text
    for part in (
        "learning rate 0.5, momentum 0.9",
        "cross-entropy",
        "4 layers, 40,400 parameters in 8 tensors",
        "117 of 1,000",
        "torch 2.13.0",
        "not recorded: evaluation_loss",
    ):
        assert part in text.replace("\xa0", " ")


def test_values_that_are_not_finite_are_shown(non_finite_run):
    text = Parsed(page_of(non_finite_run)).text
    assert "loss at end NaN" in text
    assert "largest loss infinity" in text


def test_loss_is_not_drawn_twice(non_finite_run):
    assert page_of(non_finite_run).count("Loss at every step") == 2  # the caption and its label


def test_empty_record_gives_a_page():
    page = render_html(RunRecord(), Diagnosis(Status.NOT_TRAINED, "Nothing was trained."))
    text = Parsed(page).text
    assert "Nothing was trained." in text
    assert "Nothing of a training was seen." in text


def test_hundred_layers_stay_readable(deep_run):
    parsed = Parsed(page_of(deep_run))
    assert "blocks.99.linear" in parsed.text
    assert ("details", "open", "") not in parsed.attributes


def test_many_causes_have_few_pictures(dying_run):
    [cause] = dying_run.diagnosis.causes
    page = render_html(dying_run.record, replace(dying_run.diagnosis, causes=(cause,) * 40))
    assert Parsed(page).tags.count("article") == 40
    assert Parsed(page).tags.count("svg") <= 9


def test_long_runs_are_small_pages():
    run = make_run(loss=Series.of(1 + np.random.default_rng(0).random(100_000)))
    page = render_html(run, Diagnosis(Status.HEALTHY, "Healthy."))
    assert len(page.encode()) < 200_000


def test_same_run_gives_the_same_bytes_in_every_process():
    code = (
        "import importlib.util, sys\n"
        f"spec = importlib.util.spec_from_file_location('c', {str(Path(__file__).parent)!r}"
        " + '/conftest.py')\n"
        "module = importlib.util.module_from_spec(spec); sys.modules['c'] = module\n"
        "spec.loader.exec_module(module)\n"
        "from defib.report.page import render_html\n"
        "import hashlib\n"
        "for name in ('dying-units', 'ordered-labels'):\n"
        "    sample = module.SAMPLES[name]()\n"
        "    page = render_html(sample.record, sample.diagnosis)\n"
        "    print(hashlib.sha256(page.encode()).hexdigest())\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert len(outputs.pop().split()) == 2


def test_hostile_names_are_nothing_but_text(payloads):
    benign = Parsed(render_html(*everywhere("name")))
    for payload in payloads:
        page = render_html(*everywhere(payload))
        page.encode("utf-8")
        parsed = Parsed(page)
        assert set(parsed.tags) <= set(benign.tags), payload
        names = {(tag, name) for tag, name, _ in parsed.attributes}
        assert names <= {(tag, name) for tag, name, _ in benign.attributes}, payload
        assert parsed.comments == []
        shown = re.sub(r"\s+", " ", printable(payload)).strip().replace("`", "")
        assert shown in parsed.text.replace("`", ""), payload


def test_hostile_names_leave_the_structure_of_the_page(payloads):
    benign = Parsed(render_html(*everywhere("name"))).tags
    for payload in payloads:
        if payload and "`" not in payload:
            assert Parsed(render_html(*everywhere(payload))).tags == benign, payload


def test_hostile_names_are_text_in_pictures_too(payloads):
    names = tuple(dict.fromkeys(payloads))
    values = Series.of(np.linspace(0, 1, 20))
    run = make_run(
        loss=dict.fromkeys(names[:3], values),
        dead_unit_fraction=dict.fromkeys(names, values),
        label_count=dict.fromkeys(names[:12], values),
        evaluation_loss=dict.fromkeys(names[3:6], values),
    )
    causes = tuple(
        Cause(Finding(rule, Severity.ERROR, names[0], (3, 9), layer=names[10]))
        for rule in ("dead-relu", "label-ordered-batches", "overfitting", names[1])
    )
    parsed = Parsed(render_html(run, Diagnosis(Status.FINDINGS, "x", causes=causes)))
    assert parsed.tags.count("svg") == 4
    assert not {"script", "img", "iframe", "animate", "foreignobject"} & set(parsed.tags)
    assert not [name for _, name, _ in parsed.attributes if name.startswith("on")]


@pytest.mark.parametrize("status", Status)
def test_every_status_has_a_badge(status):
    page = render_html(RunRecord(), Diagnosis(status, "Summary."))
    assert '<span class="badge ' in page
