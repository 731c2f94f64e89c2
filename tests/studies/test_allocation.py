import resource
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from defib.studies.allocation import keep_freed_memory

BLOCK, ROUNDS = 2**20, 30
"""Numbers of 8 bytes in each of two blocks, and how often they are made and freed."""


def pages_fetched(*, is_kept: bool) -> int:
    """In the memory of this process, while blocks are made and freed."""
    if is_kept:
        assert keep_freed_memory()
    for _ in range(2):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(ROUNDS):
            first, second = np.ones(BLOCK), np.ones(BLOCK)
            del first, second
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def fetched_in_a_worker(*, is_kept: bool) -> int:
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(pages_fetched, is_kept=is_kept).result()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
def test_a_worker_does_not_fetch_freed_memory_anew():
    kept, usual = (fetched_in_a_worker(is_kept=each) for each in (True, False))
    assert kept < usual / 10
