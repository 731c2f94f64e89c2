"""Work without torch's compiler, and the compiler when it is asked for."""

from __future__ import annotations

import subprocess
import sys

BEGIN = """
import sys
import torch
from defib.discovery.compiler import COMPILER, compiler_unloaded
parameter = torch.nn.Parameter(torch.ones(2))
def step():
    optimizer = torch.optim.SGD([parameter], lr=0.5)
    parameter.sum().backward()
    optimizer.step()
    optimizer.zero_grad()
"""


def run(code: str) -> None:
    # In a process of its own: only there has nobody loaded the compiler yet.
    subprocess.run([sys.executable, "-c", BEGIN + code], check=True)


def test_a_step_is_taken_and_the_compiler_stays_unloaded() -> None:
    run(
        "with compiler_unloaded():\n"
        "    step()\n"
        "assert parameter.tolist() == [0.5, 0.5]\n"
        "assert COMPILER not in sys.modules and '_dynamo' not in vars(torch)\n"
    )


def test_what_else_is_asked_of_the_compiler_comes_from_it() -> None:
    run(
        "with compiler_unloaded():\n"
        "    step()\n"
        "    import torch._dynamo.config\n"
        "    assert torch._dynamo.config.cache_size_limit > 0\n"
        "assert torch._dynamo.is_compiling.__module__.startswith(COMPILER)\n"
    )


def test_afterwards_the_compiler_is_told_of_every_function() -> None:
    run(
        "with compiler_unloaded():\n"
        "    step()\n"
        "step()\n"
        "plain = torch.optim.Optimizer.zero_grad.__wrapped__\n"
        "assert vars(plain)['__dynamo_disable'] is not plain\n"
        "assert COMPILER in sys.modules\n"
    )
