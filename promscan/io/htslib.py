"""The messages of htslib, which writes them to standard error by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pysam


@contextmanager
def quiet_htslib() -> Iterator[None]:
    """Keep htslib silent inside the block; what goes wrong there is an exception of pysam."""
    before = pysam.set_verbosity(0)
    try:
        yield
    finally:
        pysam.set_verbosity(before)
