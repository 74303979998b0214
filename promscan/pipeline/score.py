"""Score loose sequences, one row each, without scanning."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from promscan.card import DEFAULT_CLASSIFIER
from promscan.checkpoint import load_model
from promscan.datasets import read_windows_to_score
from promscan.device import resolve_devices
from promscan.peaks import probability_of
from promscan.predict.engine import open_engine


class Score(NamedTuple):
    """Grade of one sequence as it stands (its own strand only); both values are None when too much is unknown."""

    name: str
    logit: float | None
    probability: float | None


def score(
    sequences: str | Path,
    *,
    model: str | Path = DEFAULT_CLASSIFIER,
    device: str = "auto",
    batch_size: int | None = None,
    threads: int | None = None,
    precision: str = "auto",
) -> Iterator[Score]:
    """Yield a `Score` for each 70-bp sequence of a file, in order.

    Args:
        sequences: FASTA, or CSV/TSV with a column `sequence` (and `name`, else rows are numbered from 1).
        model: bundled name or weights file.
        device: `auto`, `cpu`, `cuda`, `cuda:N`, `mps` or `all` (every CUDA device).
        batch_size: windows in flight at most; see `open_engine`.
        threads: CPU threads (None: all).
        precision: `auto`, `float32` or `bfloat16`.

    Raises:
        InputError: a sequence is not 70 bp of nucleotide letters (named by file and line), or the file is unreadable.
        ModelError: no such model.
        DeviceError: no such device.
    """
    network, card = load_model(str(model))
    with open_engine(
        card.engine, network, resolve_devices(device), threads=threads, batch_size=batch_size, precision=precision
    ) as engine:
        rows = read_windows_to_score(str(sequences))
        while batch := list(itertools.islice(rows, engine.batch_windows)):
            logits = engine.score_windows(np.stack([codes for _, codes in batch]))
            for (name, _), logit in zip(batch, logits.tolist(), strict=True):
                known = not math.isnan(logit)
                yield Score(name, logit if known else None, probability_of(logit) if known else None)
