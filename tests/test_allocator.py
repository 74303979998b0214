"""Memory that a training from the command line uses again."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

LARGE_BLOCKS = """
import ctypes
from promscan.cli.train.allocator import reuse_freed_memory
assert reuse_freed_memory()
library = ctypes.CDLL(None)
library.malloc.restype, library.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
size = 200 * 2**20
first = library.malloc(size)
library.free(first)
again = library.malloc(size)
assert first == again
fields = (ctypes.c_size_t * 10)
class Counts(ctypes.Structure):
    _fields_ = [("values", fields)]
library.mallinfo2.restype = Counts
assert library.mallinfo2().values[4] < size  # bytes that come from mmap
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only the GNU C library has this setting")
def test_a_large_block_that_was_freed_serves_again() -> None:
    subprocess.run([sys.executable, "-c", LARGE_BLOCKS], check=True)
