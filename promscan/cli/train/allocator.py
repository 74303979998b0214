"""How the C library hands out memory while a training runs."""

from __future__ import annotations

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Names of settings in malloc.h of the GNU C library."""


def reuse_freed_memory() -> bool:
    """Let large blocks that were freed serve again instead of going back to the system; returns whether they will.

    A step of a training frees and takes hundreds of MB, and the system clears each page that it gives. The setting
    cannot be undone in a process, so only the command line makes it, never a function of the library. C libraries
    other than that of GNU do not have it.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, 2**30)) and bool(mallopt(M_TRIM_THRESHOLD, 2**31 - 1))
