"""What a worker does with memory that torch has freed."""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _MAP_THRESHOLD = -1, -3
"""Of glibc's `mallopt`: M_TRIM_THRESHOLD and M_MMAP_THRESHOLD in malloc.h."""
KEPT_BYTES = 512 * 2**20
"""More than a training step of any study frees."""
LARGEST_BYTES = 32 * 2**20
"""Of a single block: the most that every version of glibc takes."""


def keep_freed_memory() -> bool:
    """Let this process keep what it frees; false where its C library cannot be told to.

    glibc gives freed memory back to the system, which hands it out again page by page, zeroed: in
    a step of LeNet-5 about 900 pages, a sixth of the step, and more where two processes train.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        # Not Linux, or another C library: an optimisation is lost and nothing else.
        return False
    return bool(mallopt(_TRIM_THRESHOLD, KEPT_BYTES) and mallopt(_MAP_THRESHOLD, LARGEST_BYTES))
