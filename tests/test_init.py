import subprocess
import sys
from importlib import import_module
from importlib.metadata import version

import pytest

import defib


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def imported_by(statement: str) -> set[str]:
    return set(run_python(f"import sys\n{statement}\nprint(*sys.modules)").split())


def test_there_are_at_most_fifteen_public_names():
    assert len(defib.__all__) <= 15


def test_the_table_and_the_public_names_are_the_same():
    assert sorted(defib.__all__) == sorted(defib._DEFINED_IN)


@pytest.mark.parametrize("name", defib.__all__)
def test_a_public_name_comes_from_the_module_that_defines_it(name: str):
    assert getattr(defib, name) is getattr(import_module(getattr(defib, name).__module__), name)


def test_the_version_is_that_of_the_installed_package():
    assert defib.__version__ == version("defib")


def test_every_public_name_is_listed_by_dir():
    assert {*defib.__all__, "__version__"} <= set(dir(defib))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module `defib` has no attribute `wathc`"):
        _ = defib.wathc  # type: ignore[attr-defined]


def test_importing_defib_brings_in_nothing_heavy():
    heavy = {"torch", "numpy", "matplotlib", "jinja2", "click", "rich", "typing", "re"}
    assert imported_by("import defib") & heavy <= imported_by("pass")


def test_judging_a_record_brings_in_no_torch():
    names = "Diagnosis, Finding, RunRecord, diagnose, read_run"
    assert "torch" not in imported_by(f"from defib import {names}")
