"""Measures how much memory the training holds."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import torch

from defib.monitor.transfer import Collector

_PAGES: Final = "/proc/self/statm"
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE") if Path(_PAGES).exists() else 0


def observe_memory(into: Collector) -> None:
    """Memory of the process (`host`, Linux only) and of tensors on the GPU (`device`), in bytes.

    Of the process what is resident, less what its allocator holds free: that is used again, and
    grows without any leak where pieces of many sizes come and go, as in an LSTM on a CPU.

    10 microseconds on the host, some hundreds where the heap has thousands of holes; 50 with a GPU.
    """
    if _PAGE_BYTES:
        resident = _resident_pages() * _PAGE_BYTES
        into.add("memory_bytes", "host", float(max(resident - _free_bytes(), 0)))
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        into.add("memory_bytes", "device", float(torch.cuda.memory_allocated()))


def _resident_pages() -> int:
    # Not `open`, whose buffers and text decoding cost three times as much.
    file = os.open(_PAGES, os.O_RDONLY)
    try:
        return int(os.read(file, 64).split()[1])
    finally:
        os.close(file)


def _free_bytes() -> int:
    """What malloc holds and nobody uses; 0 where the C library does not tell."""
    look = _allocator()
    return 0 if look is None else int(look().fordblks)


class _Allocation(ctypes.Structure):
    """`struct mallinfo2` of glibc."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keepcost",
        )
    )


@cache
def _allocator() -> Callable[[], Any] | None:
    """`mallinfo2`, which glibc has since 2.33; `None` with another C library."""
    try:
        look = ctypes.CDLL(None).mallinfo2
    except (AttributeError, OSError):
        return None
    look.restype = _Allocation
    return look
