"""Reading ahead changes nothing but the time it takes."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promscan.io.prefetch import prefetch

PATIENCE = 5.0


def wait_until(condition) -> None:
    end = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    assert condition()


def reader_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "promscan-prefetch"]


@given(st.lists(st.integers()), st.integers(1, 5))
def test_items_come_in_order(items, depth):
    assert list(prefetch(iter(items), depth)) == items
    assert reader_threads() == []


def test_any_iterable_will_do():
    assert list(prefetch([1, 2, 3])) == [1, 2, 3]


def test_the_source_runs_in_another_thread():
    (reader,) = prefetch(threading.current_thread() for _ in range(1))
    assert reader is not threading.current_thread()


def test_an_exception_comes_after_the_items_before_it():
    def source():
        yield 1
        yield 2
        raise KeyError("third")

    items = prefetch(source())
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(KeyError, match="third") as caught:
        next(items)
    assert "source" in [entry.name for entry in caught.traceback]
    assert reader_threads() == []


def test_a_source_that_cannot_even_start_is_reported():
    class Broken:
        def __iter__(self):
            raise OSError("no such device")

    with pytest.raises(OSError, match="no such device"):
        next(prefetch(Broken()))


@pytest.mark.parametrize("depth", [1, 3])
def test_the_source_is_never_far_ahead(depth):
    """`depth` items wait in the queue and one more waits to enter it."""
    made = []

    def source():
        for i in range(100):
            made.append(i)
            yield i

    items = prefetch(source(), depth)
    for taken in range(1, 11):
        next(items)
        wait_until(lambda taken=taken: len(made) == taken + depth + 1)
        time.sleep(0.01)
        assert len(made) == taken + depth + 1
    items.close()


@pytest.mark.parametrize("taken", [1, 5])
def test_closing_stops_the_thread_and_closes_the_source(taken):
    closed = threading.Event()

    def endless():
        try:
            while True:
                yield 0
        finally:
            closed.set()

    source = endless()
    items = prefetch(source)
    for _ in range(taken):
        next(items)
    assert len(reader_threads()) == 1
    items.close()
    assert closed.is_set()
    assert reader_threads() == []


def test_an_exception_in_the_consumer_stops_the_thread():
    def consume():
        for item in prefetch(iter(range(10**9))):
            if item == 3:
                raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough") as caught:
        consume()
    caught.value.__traceback__ = None  # it keeps the loop alive
    del caught
    wait_until(lambda: reader_threads() == [])
