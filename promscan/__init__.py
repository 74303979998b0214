"""promscan finds promoters in DNA and grades how strong they are.

The command line is a thin layer over this package; what it does can be called from Python:

    import promscan

    for hit in promscan.scan("genome.fa"):
        print(hit.chrom, hit.tss, hit.strand, hit.probability)

Importing it is cheap: the network library is loaded by the first call that needs it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from promscan.checkpoint import load_model as load_model
    from promscan.checkpoint import load_strength as load_strength
    from promscan.datasets import read_windows as read_windows
    from promscan.errors import PromscanError as PromscanError
    from promscan.inserts import Design as Design
    from promscan.inserts import design as design
    from promscan.measurements import read_measurements as read_measurements
    from promscan.pipeline.calibrate import calibrate as calibrate
    from promscan.pipeline.evaluate import evaluate as evaluate
    from promscan.pipeline.merge import merge as merge
    from promscan.pipeline.scan import Scan as scan  # noqa: F401
    from promscan.pipeline.score import score as score
    from promscan.records import Hit as Hit
    from promscan.train.strength import StrengthRecipe as StrengthRecipe
    from promscan.train.strength import train_strength as train_strength
    from promscan.train.windows import WindowRecipe as WindowRecipe
    from promscan.train.windows import train_windows as train_windows

__version__ = "0.1.0"

_HOMES = {
    "Design": ("promscan.inserts", "Design"),
    "Hit": ("promscan.records", "Hit"),
    "PromscanError": ("promscan.errors", "PromscanError"),
    "StrengthRecipe": ("promscan.train.strength", "StrengthRecipe"),
    "WindowRecipe": ("promscan.train.windows", "WindowRecipe"),
    "calibrate": ("promscan.pipeline.calibrate", "calibrate"),
    "design": ("promscan.inserts", "design"),
    "evaluate": ("promscan.pipeline.evaluate", "evaluate"),
    "load_model": ("promscan.checkpoint", "load_model"),
    "load_strength": ("promscan.checkpoint", "load_strength"),
    "merge": ("promscan.pipeline.merge", "merge"),
    "read_measurements": ("promscan.measurements", "read_measurements"),
    "read_windows": ("promscan.datasets", "read_windows"),
    "scan": ("promscan.pipeline.scan", "Scan"),
    "score": ("promscan.pipeline.score", "score"),
    "train_strength": ("promscan.train.strength", "train_strength"),
    "train_windows": ("promscan.train.windows", "train_windows"),
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'promscan' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(importlib.import_module(module), attribute)
