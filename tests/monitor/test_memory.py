import pytest

from defib.monitor import memory
from defib.monitor.memory import observe_memory
from defib.monitor.transfer import Collector


def host_bytes() -> float:
    into = Collector()
    observe_memory(into)
    subjects, values = into.read()
    return dict(zip(subjects, values, strict=True))["memory_bytes", "host"]


@pytest.mark.skipif(memory._allocator() is None, reason="needs glibc 2.33")
def test_what_the_allocator_holds_free_is_no_memory_of_the_training():
    # Too small to be given back to the system, since every other piece stays.
    pieces = [bytearray(60_000) for _ in range(1000)]
    full = host_bytes()
    del pieces[::2]
    assert full - host_bytes() == pytest.approx(30e6, rel=0.2)


def test_memory_in_use_is_counted():
    before = host_bytes()
    pieces = [bytearray(60_000) for _ in range(1000)]
    assert host_bytes() - before > 0.5 * 60e6
    del pieces
