import re
import subprocess
import sys
from html.parser import HTMLParser

from defib.records.finding import Cause, Diagnosis, Finding, Severity, Status
from defib.records.site import Site
from defib.report.notebook import render_notebook


class Tags(HTMLParser):
    def __init__(self, fragment):
        super().__init__()
        self.found, self.depth = [], 0
        self.feed(fragment)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, tuple(name for name, _ in attrs)))
        self.depth += 1

    def handle_endtag(self, _):
        self.depth -= 1


def named(name):
    finding = Finding(
        name, Severity.ERROR, name, (0, 1), name, Site(name, 1, name), {name: name}, name
    )
    return Diagnosis(
        Status.FINDINGS, name, causes=(Cause(finding, symptoms=(finding,)),), notes=(name,)
    )


def test_fragment_tells_verdict_line_and_remedy(dying_run):
    fragment = render_notebook(dying_run.diagnosis)
    for part in (
        dying_run.diagnosis.summary,
        "train.py:21",
        "self.fc2 = nn.Linear(100, 100)",
        "What to change.",
        "explains loss-plateau, constant-output",
    ):
        assert part in fragment


def test_fragment_is_one_balanced_element_without_id_class_or_script(sample):
    tags = Tags(render_notebook(sample.diagnosis))
    assert tags.depth == 0
    assert {tag for tag, _ in tags.found} <= {"div", "span", "strong", "code"}
    assert {name for _, names in tags.found for name in names} == {"style"}


def test_hostile_names_are_nothing_but_text(payloads):
    for payload in payloads:
        tags = Tags(render_notebook(named(payload)))
        assert {tag for tag, _ in tags.found} <= {"div", "span", "strong", "code"}, payload
        assert {name for _, names in tags.found for name in names} == {"style"}, payload


def test_fragment_refers_to_nothing_outside(sample):
    assert not re.search(r"https?:|url\(", render_notebook(sample.diagnosis))


def test_import_needs_no_matplotlib():
    code = "import sys, defib.report.notebook; print('matplotlib' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
