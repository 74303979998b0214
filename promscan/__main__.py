"""The program, as `promscan` and as `python -m promscan`."""

from __future__ import annotations

import gc
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Load the command line, which takes a moment in which Ctrl-C may come, and run it."""
    try:
        from promscan import cli
    except KeyboardInterrupt:
        if sys.stderr is not None:
            sys.stderr.write("\npromscan: interrupted\n")
        sys.exit(130)
    try:
        cli.main()
    finally:
        # With torch loaded, Python's last searches for circles of references take a third of a second, for nothing.
        # Triton would call what they leave a leak.
        if "triton" not in sys.modules:
            gc.freeze()


if __name__ == "__main__":
    main()
