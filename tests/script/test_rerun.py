"""What a re-run attaches, and that an ordinary run gets nothing of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
import torch.nn.modules.module as module_hooks
import torch.optim.optimizer as optimizer_hooks
from torch.utils.data import DataLoader

from defib.script.rerun import Conditions, Rerun


def attached() -> tuple[int, ...]:
    hooks = (
        module_hooks._global_forward_pre_hooks,
        optimizer_hooks._global_optimizer_pre_hooks,
        optimizer_hooks._global_optimizer_post_hooks,
    )
    return tuple(map(len, hooks))


@pytest.fixture
def begun(request: pytest.FixtureRequest) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Hooks of torch before and while a re-run under the given conditions is under way."""
    before, rerun = attached(), Rerun(request.param)
    rerun.start()
    rerun.begin(torch)
    try:
        yield before, attached()
    finally:
        rerun.stop()
    assert attached() == before


@pytest.mark.parametrize("begun", [Conditions()], indirect=True)
def test_an_ordinary_run_gets_no_hook(begun: tuple[tuple[int, ...], tuple[int, ...]]):
    assert begun[1] == begun[0]


@pytest.mark.parametrize("begun", [Conditions(steps=5)], indirect=True)
def test_a_limit_of_steps_needs_no_hook_on_modules(
    begun: tuple[tuple[int, ...], tuple[int, ...]],
):
    assert begun[1][0] == begun[0][0]
    assert begun[1][2] == begun[0][2] + 1


def test_several_fixes_leave_nothing_behind():
    before = DataLoader.__init__
    rerun = Rerun(Conditions(fixes=("shuffle", "batch-size=4", "he-initialization")))
    rerun.start()
    rerun.begin(torch)
    assert DataLoader.__init__ is not before
    rerun.stop()
    assert DataLoader.__init__ is before


def test_the_script_makes_as_many_steps_as_it_is_given_and_then_ends():
    weight = torch.ones(1, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.1)
    done: list[int] = []

    def train() -> None:
        for step in range(9):
            (weight**2).sum().backward()
            optimizer.step()
            done.append(step)

    rerun = Rerun(Conditions(steps=3))
    rerun.start()
    rerun.begin(torch)
    try:
        with pytest.raises(SystemExit):
            train()
    finally:
        rerun.stop()
    assert len(done) == 3
