"""Numbers too small for the normal range are taken as zero while the compiled code runs.

The moments of a dead network decay into that range and stay there, where x86 processors take
a hundred times longer for each operation.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from llvmlite import ir

from defib.ensemble.kernel.code import POINTER, Code, Value

_FLUSH = 0x8040
"""Flush-to-zero and denormals-are-zero in the control register of SSE and AVX (Intel's manual)."""


@contextmanager
def without_denormals(code: Code, triple: str) -> Iterator[None]:
    """What is written inside runs in that mode, on x86; the caller's mode is put back."""
    if not triple.startswith(("x86_64", "i686", "i386")):
        yield
        return
    builder, word = code.builder, ir.IntType(32)
    before, during = builder.alloca(word), builder.alloca(word)
    _control(code, "stmxcsr", before)
    changed = builder.or_(builder.load(before, typ=word), ir.Constant(word, _FLUSH))
    builder.store(changed, during)
    _control(code, "ldmxcsr", during)
    yield
    _control(code, "ldmxcsr", before)


def _control(code: Code, name: str, place: Value) -> None:
    full = f"llvm.x86.sse.{name}"
    module = code.builder.module
    function = module.globals.get(full)
    if function is None:
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), [POINTER]), full)
    code.builder.call(function, [place])
