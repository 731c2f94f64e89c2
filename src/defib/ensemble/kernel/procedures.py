"""The compiled functions of a program, each written when it is first called."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, final

from llvmlite import ir

from defib.ensemble.kernel.batches import Specialization
from defib.ensemble.kernel.code import INDEX, POINTER, Code, Value

Body = Callable[[Code, tuple[Value, ...]], None]


@final
class Procedures:
    """A module of LLVM code in the making."""

    def __init__(self, special: Specialization) -> None:
        self.special = special
        self.module: Any = ir.Module("ensemble")

    def entry(self, name: str, body: Body) -> None:
        """Writes a function that the outside can call with a pointer to `Arguments`."""
        self._write(ir.Function(self.module, _signature([POINTER]), name), body)

    def call(self, code: Code, name: str, body: Body, *operands: Value) -> None:
        """A call of the function called `name`, whose pointers never share an array."""
        function = self.module.globals.get(name)
        if function is None:
            kinds = [operand.type for operand in operands]
            function = ir.Function(self.module, _signature(kinds), name)
            function.linkage = "internal"
            # Equal layers share it; copied into each caller it would only take longer to compile.
            function.attributes.add("noinline")
            for parameter in function.args:
                if parameter.type == POINTER:
                    parameter.add_attribute("noalias")
            self._write(function, body)
        code.builder.call(function, operands)

    def _write(self, function: Any, body: Body) -> None:
        code = Code(ir.IRBuilder(function.append_basic_block("entry")), self.special.lanes)
        body(code, tuple(function.args))
        code.builder.ret_void()


@contextmanager
def when(code: Code, number: Value, bit: int) -> Iterator[None]:
    """What is written inside runs where `number` has the bit."""
    masked = code.builder.and_(number, ir.Constant(INDEX, bit))
    with code.builder.if_then(code.builder.icmp_signed("!=", masked, ir.Constant(INDEX, 0))):
        yield


def _signature(kinds: list[Any]) -> Any:
    return ir.FunctionType(ir.VoidType(), kinds)
