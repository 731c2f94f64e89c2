"""A script finds the interpreter as plain Python prepares it."""

from __future__ import annotations

import zipfile

SHOW = """
import os, sys
print(sys.argv, __name__, __file__, __package__, __spec__, os.getcwd())
print(sys.path, sys.modules["__main__"].__dict__ is globals())
"""


def test_arguments_file_name_and_import_path_are_pythons(same_ending):
    ended = same_ending(SHOW, "--rate", "0.1", "-x", "", "ü")
    assert "['train.py', '--rate', '0.1', '-x', '', 'ü']" in ended.output


def test_every_attribute_of_main_is_pythons(same_ending):
    same_ending("""
        import builtins
        loader = vars()["__loader__"]
        print(list(globals()), __builtins__ is builtins, __annotations__, __cached__, __doc__)
        print(type(loader), vars(loader), type(loader).__module__)
        """)


def test_docstring_of_the_script_is_that_of_main(same_ending):
    same_ending('"""What I train."""\nprint(__doc__, sorted(globals()))')


def test_script_in_another_folder_is_found_with_dots_in_its_path(folder):
    folder.write("one/two/train.py", SHOW)
    folder.write("one/three/keep.txt", "")
    for typed in ("one/two/train.py", "./one/three/../two/train.py", ".//one/two/./train.py"):
        plain, watched = folder.both(typed)
        assert watched == plain


def test_script_path_may_have_spaces(folder):
    folder.write("my experiments/train me.py", SHOW)
    plain, watched = folder.both("my experiments/train me.py", "a b")
    assert watched == plain


def test_absolute_script_path_is_kept(folder):
    path = str(folder.write("train.py", SHOW))
    plain, watched = folder.both(path)
    assert watched == plain


def test_symbolic_links_lead_to_the_folder_of_the_real_script(folder):
    folder.write("real/train.py", "import sibling\n" + SHOW)
    folder.write("real/sibling.py", "print('imported', __file__)")
    (folder.path / "links").mkdir()
    (folder.path / "links" / "again.py").symlink_to("../real/train.py")
    (folder.path / "link.py").symlink_to("links/again.py")
    (folder.path / "shortcut").symlink_to("real")
    for typed in ("link.py", "links/again.py", "shortcut/train.py"):
        plain, watched = folder.both(typed)
        assert watched == plain
        assert "imported" in watched.output


def test_link_in_the_scripts_own_folder_is_followed(folder):
    folder.write("train.py", SHOW)
    (folder.path / "alias.py").symlink_to("train.py")
    plain, watched = folder.both("alias.py")
    assert watched == plain


def test_safe_path_adds_no_import_directory(folder):
    folder.write("train.py", SHOW)
    launcher = "import sys; from defib.script.launch import run_script; run_script('train.py', ())"
    plain = folder.start("-P", "train.py").communicate()
    watched = folder.start("-P", "-c", launcher).communicate()
    assert watched == plain


def test_standard_input_is_the_scripts(same_ending):
    ended = same_ending("import sys; print(input(), sys.stdin.read())", stdin="one\ntwo\nthree")
    assert ended.output == "one two\nthree\n"


def test_main_guard_runs(same_ending):
    assert same_ending("if __name__ == '__main__': print('trained')").output == "trained\n"


def test_declared_encoding_decodes_the_source(same_ending):
    assert same_ending("# coding: latin-1\nprint(ascii('é'))".encode("latin-1")).output == (
        "'\\xe9'\n"
    )


def test_byte_order_mark_and_dos_line_ends_are_read(same_ending):
    same_ending(b"\xef\xbb\xbfprint('a')\r\nif True:\r\n    print('b')\r\n")


def test_future_statements_of_defib_do_not_reach_the_script(same_ending):
    ended = same_ending("x: 1 + 1 = 0\ndef f(y: 1 + 1): ...\nprint(f.__annotations__)")
    assert ended.output == "{'y': 2}\n"


def test_future_statements_of_the_script_hold(same_ending):
    ended = same_ending("""
        from __future__ import annotations
        def f(y: 1 + 1): ...
        print(f.__annotations__)
        """)
    assert ended.output == "{'y': '1 + 1'}\n"


def test_classes_of_the_script_can_be_pickled(same_ending):
    same_ending("""
        import pickle
        class Batch:
            size = 3
        print(pickle.dumps(Batch()), pickle.loads(pickle.dumps(Batch())).size)
        """)


def test_other_modules_can_import_main(folder):
    folder.write("settings.py", "import __main__\ndef rate(): return __main__.RATE")
    folder.write("train.py", "import settings\nRATE = 0.1\nprint(settings.rate())")
    plain, watched = folder.both("train.py")
    assert watched == plain
    assert watched.output == "0.1\n"


def test_dataclasses_and_type_hints_resolve_in_main(same_ending):
    same_ending("""
        from __future__ import annotations
        from dataclasses import dataclass, field
        from typing import ClassVar, get_type_hints
        @dataclass
        class Config:
            kind: ClassVar[str] = "mlp"
            layers: list[Layer] = field(default_factory=list)
        class Layer: ...
        print(get_type_hints(Config), Config())
        """)


def test_source_of_the_scripts_functions_can_be_read(same_ending):
    same_ending("""
        import inspect
        def loss(x):
            return x ** 2
        print(inspect.getsource(loss), inspect.getsourcefile(loss), loss.__code__.co_filename)
        """)


def test_changing_the_working_directory_is_the_scripts_business(same_ending):
    same_ending("import os; os.chdir('/'); print(os.getcwd(), __file__)")


def test_module_is_run_with_its_full_path_as_first_argument(folder):
    folder.write("train.py", SHOW + "print(list(globals()), __loader__.name, __cached__)")
    plain, watched = folder.both_modules("train", "--rate", "0.1")
    assert watched == plain


def test_module_in_a_package_uses_relative_imports(folder):
    folder.write(
        "project/__init__.py",
        "import sys, __main__; print(sys.argv, sys.path[0], vars(__main__))",
    )
    folder.write("project/model.py", "WIDTH = 3")
    folder.write("project/train.py", SHOW + "from .model import WIDTH\nprint(WIDTH)")
    plain, watched = folder.both_modules("project.train", "a")
    assert watched == plain
    assert watched.output.endswith("3\n")


def test_package_runs_its_main(folder):
    folder.write("project/__init__.py", "")
    folder.write("project/__main__.py", SHOW)
    plain, watched = folder.both_modules("project")
    assert watched == plain


def test_folder_with_main_runs(folder):
    folder.write("project/__main__.py", "import model\n" + SHOW)
    folder.write("project/model.py", "")
    plain, watched = folder.both("./project", "a")
    assert watched == plain


def test_archive_with_main_runs(folder):
    with zipfile.ZipFile(folder.path / "project.pyz", "w") as archive:
        archive.writestr("__main__.py", "import model\n" + SHOW)
        archive.writestr("model.py", "")
    plain, watched = folder.both("project.pyz", "a")
    assert watched == plain
