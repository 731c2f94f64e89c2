"""Pieces of work on several threads; the compiled code holds no lock while it runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from queue import SimpleQueue
from threading import Event, Thread

import numpy as np

Work = Callable[[int, Callable[[], bool]], None]
"""Does all of one block; told its number, and what to call after each piece, which answers
whether to go on."""


def default_threads() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_parts(
    function: Callable[[int, int], np.ndarray], count: int, *, threads: int
) -> list[np.ndarray]:
    """function(first, last) of even parts of 0 ... count, each in a thread, in order."""
    parts = max(1, min(threads, count))
    ends = [part * count // parts for part in range(parts + 1)]
    if parts == 1:
        return [function(0, count)]
    with ThreadPoolExecutor(parts) as pool:
        return list(pool.map(function, ends[:-1], ends[1:]))


def run_blocks(
    make_work: Callable[[], Work],
    blocks: int,
    *,
    threads: int,
    pieces: int = 1,
    on_progress: Callable[[float], None] | None = None,
) -> None:
    """Runs the work of all blocks; calls `on_progress` with the share done, in this thread.

    `make_work` is called once in each thread. An interruption stops the threads after the piece
    at hand; an error in one of them is raised here.
    """
    done: SimpleQueue[BaseException | None] = SimpleQueue()
    stop, numbers = Event(), count()

    def report() -> bool:
        done.put(None)
        return not stop.is_set()

    def run() -> None:
        try:
            work = make_work()
            while (block := next(numbers)) < blocks and not stop.is_set():
                work(block, report)
        except BaseException as error:
            done.put(error)

    workers = [Thread(target=run, daemon=True) for _ in range(min(threads, blocks))]
    try:
        for worker in workers:
            worker.start()
        for finished in range(blocks * pieces):
            error = done.get()
            if error is not None:
                raise error
            if on_progress is not None:
                on_progress((finished + 1) / (blocks * pieces))
    finally:
        stop.set()
        for worker in workers:
            worker.join()
