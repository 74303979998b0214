"""Read ahead: run a generator in a thread, a bounded number of items in front of its consumer."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from typing import TypeVar

T = TypeVar("T")

_POLL_SECONDS = 0.1
_LEAVE_SECONDS = 2.0
"""A thread that runs longer waits for a pipe that sends nothing; it ends with the process."""


class _End:
    """Last item in the queue; carries the exception that ended the source, if one did."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def prefetch(source: Iterable[T], depth: int = 2) -> Generator[T, None, None]:
    """Yield the items of `source`, which runs in a thread up to `depth` items ahead.

    An exception in `source` is raised here, after the items that came before it. Closing the generator (or leaving
    the loop over it and dropping it) stops the thread and closes the source, unless that is stuck.
    """
    items: queue.Queue[T | _End] = queue.Queue(maxsize=depth)
    closing = threading.Event()

    def put(item: T | _End) -> bool:
        while not closing.is_set():
            try:
                items.put(item, timeout=_POLL_SECONDS)
            except queue.Full:
                continue
            return True
        return False

    def produce() -> None:
        error: BaseException | None = None
        try:
            for item in source:
                if not put(item):
                    break
        except BaseException as exception:  # noqa: BLE001 - it is raised again in the consumer
            error = exception
        finally:
            if isinstance(source, Generator):
                source.close()
        put(_End(error))

    thread = threading.Thread(target=produce, name="promscan-prefetch", daemon=True)
    thread.start()
    try:
        while True:
            item = items.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        closing.set()
        thread.join(_LEAVE_SECONDS)
