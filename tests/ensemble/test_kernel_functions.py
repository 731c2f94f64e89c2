"""The compiled exponential and its relatives, beside float64 ones of higher precision."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest
from llvmlite import ir

from defib.ensemble.blocks import aligned_zeros
from defib.ensemble.kernel import functions
from defib.ensemble.kernel.code import POINTER, Code, Lanes, Value
from defib.ensemble.kernel.compilation import host_machine, object_code

FUNCTIONS: dict[str, tuple[Callable[[Code, Value], Value], Callable[[float], float]]] = {
    "exponential": (functions.exponential, math.exp),
    "expm1": (functions.expm1, math.expm1),
    "tanh": (functions.tanh, math.tanh),
    "sigmoid": (functions.sigmoid, lambda x: 1 / (1 + math.exp(-x))),
    "softplus": (functions.softplus, lambda x: max(x, 0) + math.log1p(math.exp(-abs(x)))),
    "logarithm": (functions.logarithm, math.log),
}
UNITS = 4
"""Units in the last place that a result may be off: argument reduction and a division or two."""


def computed(name: str, bits: int, numbers: np.ndarray) -> np.ndarray:
    """The compiled function of each number."""
    lanes = Lanes(256 // bits, bits)
    module: Any = ir.Module("test")
    kind = ir.FunctionType(ir.VoidType(), [POINTER])
    function = ir.Function(module, kind, "apply")
    code = Code(ir.IRBuilder(function.append_basic_block()), lanes)
    code.store(FUNCTIONS[name][0](code, code.load(function.args[0], 0)), function.args[0], 0)
    code.builder.ret_void()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), host_machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(object_code(str(module))))
    engine.finalize_object()
    call = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(engine.get_function_address("apply"))
    memory = aligned_zeros((lanes.count,), numbers.dtype)
    result = []
    for first in range(0, len(numbers), lanes.count):
        part = numbers[first : first + lanes.count]
        memory[: len(part)] = part
        call(memory.ctypes.data)
        result.append(memory[: len(part)].copy())
    return np.concatenate(result)


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_results_are_within_a_few_units_in_the_last_place(name: str, bits: int):
    kind = np.float32 if bits == 32 else np.float64
    random = np.random.default_rng(0)
    numbers = np.concatenate([random.normal(size=2000) * 10.0 ** random.uniform(-6, 1.5, 2000)])
    numbers = np.clip(numbers, -80, 80).astype(kind)
    if name == "logarithm":
        numbers = (1 + np.abs(numbers)).astype(kind)
    expected = np.array([FUNCTIONS[name][1](float(x)) for x in numbers])
    units = np.abs(computed(name, bits, numbers) - expected) / np.spacing(
        np.abs(expected).astype(kind)
    )
    assert units.max() <= UNITS


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_nan_stays_nan(name: str, bits: int):
    kind = np.float32 if bits == 32 else np.float64
    assert np.isnan(computed(name, bits, np.array([np.nan, 1.0], kind))).tolist() == [True, False]


@pytest.mark.parametrize("bits", [32, 64])
def test_infinite_arguments_have_their_limits(bits: int):
    kind = np.float32 if bits == 32 else np.float64
    ends = np.array([-np.inf, np.inf], kind)
    assert computed("exponential", bits, ends).tolist() == [0, np.inf]
    assert computed("tanh", bits, ends).tolist() == [-1, 1]
    assert computed("sigmoid", bits, ends).tolist() == [0, 1]
    assert computed("expm1", bits, ends[:1]).tolist() == [-1]
