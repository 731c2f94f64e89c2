"""The callback comes after the user's own import, and nothing else is different."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import threading
import warnings
import zipfile
from importlib.machinery import SourceFileLoader
from types import ModuleType

import pytest

from defib.script.after_import import call_after_import

NAME = "imported_by_the_script"


@pytest.fixture
def library(tmp_path, monkeypatch):
    """Writes the module that the script imports."""
    monkeypatch.syspath_prepend(str(tmp_path))
    finders = list(sys.meta_path)

    def write(text: str = "WIDTH = 3", name: str = f"{NAME}.py") -> None:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        importlib.invalidate_caches()

    yield write
    sys.meta_path[:] = finders
    for name in [each for each in sys.modules if each.partition(".")[0] == NAME]:
        del sys.modules[name]


@pytest.fixture
def seen() -> list[ModuleType]:
    return []


def test_callback_gets_the_module_after_its_code_has_run(library, seen):
    library()
    call_after_import(NAME, lambda module: seen.append(module.WIDTH))
    assert NAME not in sys.modules
    importlib.import_module(NAME)
    assert seen == [3]


def test_module_that_is_imported_already_is_handed_over_at_once(library, seen):
    library()
    module = importlib.import_module(NAME)
    finders = list(sys.meta_path)
    call_after_import(NAME, seen.append)()
    assert seen == [module]
    assert sys.meta_path == finders


def test_callback_comes_once(library, seen):
    library()
    call_after_import(NAME, seen.append)
    module = importlib.import_module(NAME)
    importlib.reload(module)
    del sys.modules[NAME]
    importlib.import_module(NAME)
    assert len(seen) == 1


def test_finders_and_loader_are_as_found_afterwards(library, seen):
    library()
    finders = list(sys.meta_path)
    call_after_import(NAME, seen.append)
    module = importlib.import_module(NAME)
    assert sys.meta_path == finders
    assert module.__spec__ is not None
    assert module.__loader__ is module.__spec__.loader
    assert type(module.__loader__) is SourceFileLoader
    assert vars(module.__loader__) == {"name": NAME, "path": module.__file__}


def test_code_of_the_module_sees_its_own_loader(library, seen):
    library("loader = dict(vars(__loader__)); kind = type(__spec__.loader).__name__")
    call_after_import(NAME, seen.append)
    module = importlib.import_module(NAME)
    assert module.loader == {"name": NAME, "path": module.__file__}
    assert module.kind == "SourceFileLoader"


def test_package_may_import_its_parts(library, seen):
    library("from . import part", f"{NAME}/__init__.py")
    library("WIDTH = 3", f"{NAME}/part.py")
    call_after_import(NAME, lambda module: seen.append(module.part.WIDTH))
    importlib.import_module(f"{NAME}.part")
    assert seen == [3]


def test_module_that_replaces_itself_is_handed_over_replaced(library, seen):
    library("import sys, types; sys.modules[__name__] = types.ModuleType('lazy')")
    call_after_import(NAME, seen.append)
    module = importlib.import_module(NAME)
    assert seen == [module]
    assert module.__name__ == "lazy"


def test_import_in_a_thread_is_noticed(library, seen):
    library()
    call_after_import(NAME, lambda _: seen.append(threading.current_thread()))
    thread = threading.Thread(target=importlib.import_module, args=(NAME,))
    thread.start()
    thread.join()
    assert seen == [thread]


def test_import_that_fails_is_waited_for_again(library, seen):
    library("1 / 0  # first attempt")
    call_after_import(NAME, seen.append)
    with pytest.raises(ZeroDivisionError):
        importlib.import_module(NAME)
    assert seen == []
    library("WIDTH = 3")
    module = importlib.import_module(NAME)
    assert seen == [module]


def test_missing_module_is_missing_as_ever(seen):
    cancel = call_after_import(NAME, seen.append)
    with pytest.raises(ModuleNotFoundError, match=f"No module named '{NAME}'"):
        importlib.import_module(NAME)
    cancel()


def test_cancelled_callback_never_comes(library, seen):
    library()
    finders = list(sys.meta_path)
    cancel = call_after_import(NAME, seen.append)
    cancel()
    cancel()
    assert sys.meta_path == finders
    importlib.import_module(NAME)
    assert seen == []


def test_cancelled_between_finding_and_execution_never_comes(library, seen):
    library()
    cancel = call_after_import(NAME, seen.append)
    spec = importlib.util.find_spec(NAME)
    assert spec is not None
    assert spec.loader is not None
    cancel()
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    assert seen == []


def test_looking_for_the_module_is_no_import(library, seen):
    library()
    call_after_import(NAME, seen.append)
    spec = importlib.util.find_spec(NAME)
    assert spec is not None
    assert type(spec.loader) is SourceFileLoader
    assert seen == []
    importlib.import_module(NAME)
    assert len(seen) == 1


def test_two_may_wait_for_one_module(library, seen):
    library()
    call_after_import(NAME, lambda _: seen.append("first"))
    call_after_import(NAME, lambda _: seen.append("second"))
    module = importlib.import_module(NAME)
    assert sorted(seen) == ["first", "second"]
    assert vars(module.__loader__) == {"name": NAME, "path": module.__file__}


def test_two_may_wait_for_two_modules_of_which_one_imports_the_other(library, seen):
    library("from . import part", f"{NAME}/__init__.py")
    library("", f"{NAME}/part.py")
    call_after_import(f"{NAME}.part", lambda module: seen.append(module.__name__))
    call_after_import(NAME, lambda module: seen.append(module.__name__))
    importlib.import_module(NAME)
    assert seen == [f"{NAME}.part", NAME]


def test_namespace_package_is_left_alone(library, seen):
    library("", f"{NAME}/part.py")
    cancel = call_after_import(NAME, seen.append)
    importlib.import_module(f"{NAME}.part")
    assert seen == []
    cancel()


def test_frozen_module_is_left_alone(seen, capsys):
    sys.modules.pop("__hello__", None)
    cancel = call_after_import("__hello__", seen.append)
    importlib.import_module("__hello__")
    assert seen == []
    cancel()
    capsys.readouterr()


@pytest.fixture
def archive(tmp_path, monkeypatch, library):
    """Two modules with one loader: the archive's."""
    del library
    with zipfile.ZipFile(tmp_path / "site.zip", "w") as file:
        file.writestr(f"{NAME}/__init__.py", "from . import part")
        file.writestr(f"{NAME}/part.py", "WIDTH = 3")
        file.writestr("neighbour.py", "")
    monkeypatch.syspath_prepend(str(tmp_path / "site.zip"))
    yield
    sys.modules.pop("neighbour", None)


@pytest.mark.usefixtures("archive")
def test_module_in_an_archive_is_noticed(seen):
    call_after_import(NAME, seen.append)
    module = importlib.import_module(NAME)
    assert seen == [module]
    assert "exec_module" not in vars(module.__loader__)


@pytest.mark.usefixtures("archive")
def test_another_module_with_the_same_loader_is_not_mistaken_for_it(seen):
    call_after_import(NAME, seen.append)
    importlib.util.find_spec(NAME)
    importlib.import_module("neighbour")
    assert seen == []


@pytest.mark.usefixtures("archive")
def test_two_modules_with_the_same_loader_are_both_noticed(seen):
    for name in (NAME, "neighbour"):
        call_after_import(name, lambda module: seen.append(module.__name__))
    spec = importlib.util.find_spec(NAME)
    assert spec is not None
    assert spec.loader is not None
    importlib.import_module("neighbour")
    module = sys.modules[NAME] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert seen == ["neighbour", NAME]


def test_forked_child_imports_without_the_callback(library, seen):
    library()
    call_after_import(NAME, seen.append)
    child = os.fork()
    if child == 0:
        importlib.import_module(NAME)
        os._exit(len(seen))
    assert os.waitpid(child, 0)[1] == 0


def test_finder_without_find_spec_is_passed_over(library, seen):
    library()
    sys.meta_path.insert(0, object())  # type: ignore[arg-type]
    call_after_import(NAME, seen.append)
    importlib.util.find_spec(NAME)
    sys.meta_path.pop(1)
    importlib.import_module(NAME)
    assert len(seen) == 1


def test_warning_about_the_import_names_the_importing_line(library, seen):
    library("import warnings; warnings.warn('old', stacklevel=2)")
    call_after_import(NAME, seen.append)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        __import__(NAME)
    assert [each.filename for each in caught] == [__file__]
    assert len(seen) == 1


WATCH = """
from defib.script.after_import import call_after_import
from defib.script.launch import run_script
from defib.script.outcome import exit_like_python
call_after_import("library", lambda module: None)
exit_like_python(run_script("train.py", ()))
"""


@pytest.mark.parametrize("failure", ["1 / 0", "import nowhere", "raise ImportError('no')"])
@pytest.mark.parametrize(
    "statement",
    [
        "import library",
        "import importlib; importlib.import_module('library')",
        "import traceback\ntry: import library\nexcept Exception: traceback.print_exc()",
    ],
)
def test_import_that_fails_is_shown_as_python_shows_it(folder, failure, statement):
    folder.write("library.py", failure)
    folder.write("train.py", statement)
    plain = folder.start("train.py").communicate()
    watched = folder.start("-c", WATCH).communicate()
    assert watched == plain
