"""Child processes of a script are plain Python's."""

from __future__ import annotations

import pytest

LOADERS = """
import sys, warnings
import torch
from torch.utils.data import DataLoader, Dataset
class Numbers(Dataset):
    def __len__(self):
        return 4
    def __getitem__(self, index):
        return index, __name__, "defib" in sys.modules
def collate(batch):
    return batch
if __name__ == "__main__":
    print("script goes on")
    warnings.filterwarnings("ignore", "This DataLoader will create 2 worker processes")
    for context in ("fork", "spawn"):
        loader = DataLoader(
            Numbers(), num_workers=2, multiprocessing_context=context, collate_fn=collate
        )
        print(context, [sample for [sample] in loader])
"""

WATCH_TORCH = """
from defib.script.after_import import call_after_import
from defib.script.launch import run_script
from defib.script.outcome import exit_like_python
call_after_import("torch", lambda module: print("callback", module.nn.Linear.__name__))
exit_like_python(run_script("train.py", ()))
"""


def test_data_loader_workers_run_the_script_in_both_contexts(folder):
    folder.write("train.py", LOADERS)
    ended = folder.launch(WATCH_TORCH)
    lines = ended.output.splitlines()
    assert (ended.exit_code, ended.error) == (0, "")
    assert lines == [
        "callback Linear",
        "script goes on",
        f"fork {[(index, '__main__', True) for index in range(4)]}",
        f"spawn {[(index, '__mp_main__', False) for index in range(4)]}",
    ]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_by_multiprocessing_find_the_scripts_main(same_ending, method):
    ended = same_ending(
        f"""
        import multiprocessing, sys
        class Result:
            def __init__(self, value):
                self.value = value
        def work(value):
            print(sys.argv, flush=True)
            return Result(value + 1)
        if __name__ == "__main__":
            with multiprocessing.get_context("{method}").Pool(1) as pool:
                print([each.value for each in pool.map(work, [1, 2])], flush=True)
        """,
        "--rate",
    )
    assert ended.output.endswith("[2, 3]\n")


def test_children_of_a_module_import_it_by_name(folder):
    folder.write("project/__init__.py", "")
    folder.write("project/model.py", "WIDTH = 3")
    folder.write(
        "project/train.py",
        """
        import multiprocessing
        from .model import WIDTH
        def work(value):
            return value + WIDTH
        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(pool.map(work, [1, 2]))
        """,
    )
    plain, watched = folder.both_modules("project.train")
    assert watched == plain
    assert watched.output == "[4, 5]\n"


def test_failure_in_a_child_is_shown_as_python_shows_it(same_ending):
    ended = same_ending("""
        import multiprocessing
        def work():
            1 / 0
        child = multiprocessing.get_context("fork").Process(target=work)
        child.start()
        child.join()
        print(child.exitcode)
        """)
    assert ended.output == "1\n"


def test_forked_child_that_fails_ends_like_python(same_ending):
    same_ending("""
        import os
        child = os.fork()
        if child:
            print(os.waitpid(child, 0)[1])
        else:
            1 / 0
        """)
