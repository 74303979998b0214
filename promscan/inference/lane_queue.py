"""Items of several kinds, put together into units of one kind each.

A full unit holds a fixed number of items of one kind, such as lanes of one length. Rare kinds fill a unit slowly, so
two rules start their units early: one counts the units of other kinds that started before, the other counts the window
starts that were read.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

Item = TypeVar("Item")

PATIENCE = 8
"""Units of other kinds that may start before an incomplete unit, which then starts as it is."""
LONGEST_WAIT = 2**22
"""Window starts, or those of two units, that may be read without a full unit. Then all incomplete units start."""


class LaneQueue(Generic[Item]):
    """Items that wait for their unit to be full.

    Args:
        size: items of a full unit.
        unit_windows: window starts of a full unit of the longest items.
    """

    def __init__(self, size: int, unit_windows: int) -> None:
        self.size = size
        self.longest_wait = max(LONGEST_WAIT, 2 * unit_windows)
        self._waiting = dict[Hashable, list[Item]]()
        """Incomplete units by the kind of their items."""
        self._passed_by = dict[Hashable, int]()
        """For each of these kinds, the units of other kinds that started since it was last served."""
        self._windows_read = 0
        """Window starts since the last full unit."""

    def add(self, item: Item, kind: Hashable) -> list[list[Item]]:
        """Let an item wait for the unit of its kind; the units that start now."""
        unit = self._waiting.setdefault(kind, [])
        unit.append(item)
        if len(unit) < self.size:
            return []
        del self._waiting[kind]
        self._windows_read = 0
        self._passed_by = {other: self._passed_by.get(other, 0) + 1 for other in self._waiting}
        impatient = [other for other, units in self._passed_by.items() if units == PATIENCE]
        for other in impatient:
            del self._passed_by[other]
        return [unit, *(self._waiting.pop(other) for other in impatient)]

    def count_read(self, windows: int) -> list[list[Item]]:
        """Count window starts that were read; the units that start now.

        Where a long stretch has hardly a window to score, one empty unit may start: a unit that ends lets finished
        results leave.
        """
        self._windows_read += windows
        if self._windows_read < self.longest_wait:
            return []
        return self.rest() or [[]]

    def rest(self) -> list[list[Item]]:
        """The incomplete units, which no longer wait."""
        units = list(self._waiting.values())
        self._waiting, self._passed_by, self._windows_read = {}, {}, 0
        return units
