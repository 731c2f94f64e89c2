"""Writes LLVM code in which every number is a vector: one network in each of its lanes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, final

from llvmlite import ir

# llvmlite describes no types; each `Any` below is one of its values or types.
Value = Any
Index = Any
"""A Python number, folded while the code is written, or a 64-bit value of the running code."""

INDEX = ir.IntType(64)
POINTER = ir.PointerType()


@final
@dataclass(frozen=True)
class Lanes:
    """How many networks one vector holds, and how many bits each of its numbers has."""

    count: int
    bits: int

    @property
    def scalar(self) -> Any:
        return ir.FloatType() if self.bits == 32 else ir.DoubleType()

    @property
    def vector(self) -> Any:
        return ir.VectorType(self.scalar, self.count)

    @property
    def integers(self) -> Any:
        return ir.VectorType(ir.IntType(self.bits), self.count)

    @property
    def indices(self) -> Any:
        return ir.VectorType(ir.IntType(32), self.count)

    @property
    def bytes(self) -> int:
        return self.count * self.bits // 8


@final
class Code:
    """The end of the code written so far, to which each method adds."""

    def __init__(self, builder: ir.IRBuilder, lanes: Lanes) -> None:
        self.builder: Any = builder
        self.lanes = lanes

    def constant(self, number: float) -> Value:
        """`number` in every lane."""
        scalar = ir.Constant(self.lanes.scalar, number)
        return ir.Constant(self.lanes.vector, [scalar] * self.lanes.count)

    def integer(self, number: int, kind: Any) -> Value:
        """`number` in every lane of a vector of integers."""
        return ir.Constant(kind, [ir.Constant(kind.element, number)] * self.lanes.count)

    def splat(self, scalar: Value) -> Value:
        """A running scalar in every lane."""
        kind = ir.VectorType(scalar.type, self.lanes.count)
        undefined = ir.Constant(kind, ir.Undefined)
        zero = ir.Constant(ir.IntType(32), 0)
        first = self.builder.insert_element(undefined, scalar, zero)
        mask = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes.count), None)
        return self.builder.shuffle_vector(first, undefined, mask)

    def address(self, pointer: Value, index: Index, kind: Any = None) -> Value:
        """Where the element `index` of an array at `pointer` lies; `kind`: vectors of numbers."""
        kind = kind or self.lanes.vector
        return self.builder.gep(pointer, [as_index(index)], source_etype=kind)

    def load(self, pointer: Value, index: Index, kind: Any = None) -> Value:
        kind = kind or self.lanes.vector
        place = self.address(pointer, index, kind)
        return self.builder.load(place, typ=kind, align=alignment(kind, self.lanes))

    def store(self, value: Value, pointer: Value, index: Index) -> None:
        place = self.address(pointer, index, value.type)
        self.builder.store(value, place, align=alignment(value.type, self.lanes))

    def intrinsic(self, name: str, *operands: Value) -> Value:
        """LLVM's operation `name`, overloaded on the type of its first operand."""
        return self.overloaded(f"llvm.{name}", (operands[0].type,), *operands)

    def fma(self, x: Value, y: Value, z: Value) -> Value:
        """x · y + z, rounded once."""
        return self.intrinsic("fma", x, y, z)

    def overloaded(
        self, name: str, over: Sequence[Any], *operands: Value, result: Any = None
    ) -> Value:
        """A call of the intrinsic whose name ends with the types `over`."""
        full = ".".join((name, *(type_suffix(kind) for kind in over)))
        result = result if result is not None else operands[0].type
        kind = ir.FunctionType(result, [operand.type for operand in operands])
        function = self.builder.module.globals.get(full)
        if function is None:
            function = ir.Function(self.builder.module, kind, full)
        return self.builder.call(function, operands)

    def repeat(
        self,
        start: Index,
        stop: Index,
        step: int | Value,
        carried: Sequence[Value],
        body: Callable[[Index, list[Value]], list[Value]],
    ) -> list[Value]:
        """The carried values after `body` at start, start + step, ... below `stop`."""
        builder = self.builder
        before = builder.block
        head, inside, after = (
            builder.append_basic_block(name) for name in ("head", "body", "after")
        )
        builder.branch(head)
        builder.position_at_end(head)
        position = builder.phi(INDEX)
        position.add_incoming(as_index(start), before)
        values = [builder.phi(value.type) for value in carried]
        for value, initial in zip(values, carried, strict=True):
            value.add_incoming(initial, before)
        builder.cbranch(builder.icmp_signed("<", position, as_index(stop)), inside, after)
        builder.position_at_end(inside)
        results = body(position, list(values))
        position.add_incoming(builder.add(position, as_index(step)), builder.block)
        for value, result in zip(values, results, strict=True):
            value.add_incoming(result, builder.block)
        builder.branch(head)
        builder.position_at_end(after)
        return values


def gather(code: Code, kind: Any, pointer: Value, offsets: Value) -> Value:
    """In each lane, the element of the array at `pointer` that the lane's offset names."""
    places, mask, align = _places(code, kind, pointer, offsets)
    nothing = ir.Constant(kind, None)
    over = (kind, places.type)
    return code.overloaded("llvm.masked.gather", over, places, align, mask, nothing, result=kind)


def scatter(code: Code, value: Value, pointer: Value, offsets: Value) -> None:
    """Stores each lane's value at the element that the lane's offset names."""
    places, mask, align = _places(code, value.type, pointer, offsets)
    over, nothing = (value.type, places.type), ir.VoidType()
    code.overloaded("llvm.masked.scatter", over, value, places, align, mask, result=nothing)


def _places(code: Code, kind: Any, pointer: Value, offsets: Value) -> tuple[Value, Value, Value]:
    """Addresses, a mask that lets all lanes take part, and the alignment."""
    count = code.lanes.count
    # Not negative and below 2^31: extended this way, processors gather by 32-bit offsets.
    wide = code.builder.sext(offsets, ir.VectorType(INDEX, count))
    places = code.builder.gep(pointer, [wide], source_etype=kind.element)
    # llvmlite takes the result for one pointer.
    places.type = ir.VectorType(POINTER, count)
    bit = ir.IntType(1)
    mask = ir.Constant(ir.VectorType(bit, count), [ir.Constant(bit, 1)] * count)
    size = 8 if kind.element == ir.DoubleType() else 4
    return places, mask, ir.Constant(ir.IntType(32), size)


def as_index(index: Index) -> Value:
    return ir.Constant(INDEX, index) if isinstance(index, int) else index


def plus(code: Code, first: Index, second: Index) -> Index:
    if isinstance(first, int) and isinstance(second, int):
        return first + second
    return code.builder.add(as_index(first), as_index(second))


def times(code: Code, first: Index, second: Index) -> Index:
    if isinstance(first, int) and isinstance(second, int):
        return first * second
    return code.builder.mul(as_index(first), as_index(second))


def smaller(code: Code, first: Index, second: Index) -> Index:
    """The smaller of two indices."""
    first, second = as_index(first), as_index(second)
    return code.builder.select(code.builder.icmp_signed("<", first, second), first, second)


def alignment(kind: Any, lanes: Lanes) -> int:
    """Bytes that an address of `kind` is a multiple of; the arrays are made so."""
    if not isinstance(kind, ir.VectorType):
        return 8 if kind in (INDEX, POINTER, ir.DoubleType()) else 4
    return lanes.bytes if kind.element in (ir.FloatType(), ir.DoubleType()) else lanes.count * 4


def type_suffix(kind: Any) -> str:
    """The type as intrinsics spell it."""
    if isinstance(kind, ir.VectorType):
        return f"v{kind.count}{type_suffix(kind.element)}"
    if isinstance(kind, ir.PointerType):
        return "p0"
    return {ir.FloatType(): "f32", ir.DoubleType(): "f64"}.get(kind) or f"i{kind.width}"
