"""Compiled programs, made once for each specialisation and kept on disk for later processes."""

from __future__ import annotations

import ctypes
import hashlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, final

import llvmlite
import llvmlite.binding as llvm

from defib.ensemble.kernel.arguments import Arguments
from defib.ensemble.kernel.batches import Specialization
from defib.ensemble.kernel.code import Lanes
from defib.ensemble.kernel.layers import Tile
from defib.ensemble.kernel.program import program_text
from defib.ensemble.specification import Training
from defib.user_folders import user_caches

CACHE_VARIABLE = "DEFIB_KERNELS"
_CHECKSUM_BYTES = 32
_WIDE_REGISTER_BYTES = 64
_REGISTER_BYTES = 32


@final
@dataclass(frozen=True)
class Program:
    """The two entries of a compiled program; both release Python's lock while they run."""

    train: Callable[[Any], None]
    evaluate: Callable[[Any], None]
    lanes: int
    is_from_disk: bool
    _engine: Any
    """Owns the code that the entries point to."""


def specialization(training: Training) -> Specialization:
    """What code for `training` on this processor is made for."""
    is_wide = "avx512f" in host_features().replace("+", "").split(",")
    width = _WIDE_REGISTER_BYTES if is_wide else _REGISTER_BYTES
    bits = 32 if training.precision == "float32" else 64
    tile = Tile(4, 4) if is_wide else Tile(2, 4)
    lanes = Lanes(8 * width // bits, bits)
    return Specialization(training.network, training.loss, training.optimizer.name, lanes, tile)


@cache
def compiled(special: Specialization) -> Program:
    """The program for `special`, from memory, else from disk, else made now and stored."""
    file = kernel_folder() / f"{_fingerprint(special)}.o"
    code = _stored(file)
    is_from_disk = code is not None
    if code is None:
        code = object_code(program_text(special, llvm.get_process_triple()))
        _store(file, code)
    engine = llvm.create_mcjit_compiler(_parsed(""), host_machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    kind = ctypes.CFUNCTYPE(None, ctypes.POINTER(Arguments))
    train, evaluate = (kind(engine.get_function_address(name)) for name in ("train", "evaluate"))
    return Program(train, evaluate, special.lanes.count, is_from_disk, engine)


def kernel_folder() -> Path:
    """`DEFIB_KERNELS` where it is set, else `defib/kernels` in the user's cache."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen).expanduser()
    return user_caches() / "defib" / "kernels"


def object_code(text: str) -> bytes:
    """Machine code of LLVM code, for this processor."""
    machine = host_machine()
    module = _parsed(text)
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return machine.emit_object(module)


def _parsed(text: str) -> Any:
    module = llvm.parse_assembly(text)
    module.triple = llvm.get_process_triple()
    module.verify()
    return module


def host_machine() -> Any:
    """LLVM's description of this processor."""
    _initialize()
    target = llvm.Target.from_triple(llvm.get_process_triple())
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=host_features(), opt=3, jit=True
    )


@cache
def _initialize() -> None:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()


@cache
def host_features() -> str:
    """What this processor can do, as LLVM writes it: `+avx2,+avx512f,...`."""
    return llvm.get_host_cpu_features().flatten()


def _fingerprint(special: Specialization) -> str:
    """Differs wherever the machine code may: specialisation, processor, compiler, our code."""
    processor = (llvm.get_host_cpu_name(), host_features())
    text = repr((special, processor, llvmlite.__version__, _sources()))
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def _sources() -> str:
    folder = Path(__file__).parent
    files = (*sorted(folder.glob("*.py")), folder.parent / "random_numbers.py")
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _stored(file: Path) -> bytes | None:
    """The code in `file`; `None` where it is missing or not what was written."""
    try:
        content = file.read_bytes()
    except OSError:
        return None
    checksum, code = content[:_CHECKSUM_BYTES], content[_CHECKSUM_BYTES:]
    return code if hashlib.sha256(code).digest() == checksum else None


def _store(file: Path, code: bytes) -> None:
    """Writes all of it or nothing; a folder that cannot be written to only costs time."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=file.parent, suffix=".partial")
        with os.fdopen(handle, "wb") as stream:
            stream.write(hashlib.sha256(code).digest() + code)
        Path(partial).replace(file)
    except OSError:
        return
