"""Score loose sequences, one row each, without scanning."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from promscan.calling.peaks import probability_of
from promscan.inference.engine import open_engine
from promscan.inference.settings import EngineSettings
from promscan.inference.strength import StrengthPredictor
from promscan.io.sequences import read_sequences_to_score, read_windows_to_score
from promscan.networks.card import DEFAULT_CLASSIFIER, STRENGTH, find_model, read_card
from promscan.networks.device import resolve_devices
from promscan.networks.weights import load_model, load_strength
from promscan.strength.reporter import Changes


class Score(NamedTuple):
    """Grade of one sequence as it stands (its own strand only); both values are None when too much is unknown."""

    name: str
    logit: float | None
    probability: float | None


class StrengthScore(NamedTuple):
    """Expression of one sequence in the unit of the model; both values are None when nothing of it is known."""

    name: str
    strength: float | None
    strength_sd: float | None


def score(
    sequences: str | Path,
    *,
    model: str | Path = DEFAULT_CLASSIFIER,
    device: str = "auto",
    batch_size: int | None = None,
    threads: int | None = None,
    precision: str = "auto",
) -> Iterator[Score] | Iterator[StrengthScore]:
    """Yield a `Score` for each 70-bp sequence of a file, in order; with a strength model, a `StrengthScore` for each.

    A strength model takes sequences of any length: a leading part of its 5' flank is stripped, longer ones than its
    insert lose their 5' end, and shorter ones are padded there.

    Args:
        sequences: FASTA, or CSV/TSV with a column `sequence` (and `name`, else rows are numbered from 1).
        model: bundled name or weights file.
        device: `auto`, `cpu`, `cuda`, `cuda:N`, `mps` or `all` (every CUDA device, of one model).
        batch_size: sequences in flight at most; see `open_engine`.
        threads: CPU threads (None: all).
        precision: `auto`, `float32` or `bfloat16`.

    Raises:
        InputError: a sequence is not 70 bp of nucleotide letters (named by file and line), or the file is unreadable.
        ModelError: no such model.
        DeviceError: no such device.
    """
    run = _score_strengths if _tells_strength(model) else _score_windows
    return run(str(sequences), str(model), device, batch_size, threads, precision)


def columns_of(model: str | Path) -> tuple[str, ...]:
    """The columns that `score` has with a model.

    Raises:
        ModelError: no such model.
    """
    return StrengthScore._fields if _tells_strength(model) else Score._fields


def _tells_strength(model: str | Path) -> bool:
    return read_card(find_model(str(model))).task == STRENGTH


def _score_windows(
    sequences: str, model: str, device: str, batch_size: int | None, threads: int | None, precision: str
) -> Iterator[Score]:
    network, card = load_model(model)
    settings = EngineSettings(threads=threads, batch_size=batch_size, precision=precision)
    with open_engine(card.engine, network, resolve_devices(device), settings) as engine:
        rows = read_windows_to_score(sequences)
        while batch := list(itertools.islice(rows, engine.batch_windows)):
            logits = engine.score_windows(np.stack([codes for _, codes in batch]))
            for (name, _), logit in zip(batch, logits.tolist(), strict=True):
                known = not math.isnan(logit)
                yield Score(name, logit if known else None, probability_of(logit) if known else None)


def _score_strengths(
    sequences: str, model: str, device: str, batch_size: int | None, threads: int | None, precision: str
) -> Iterator[StrengthScore]:
    network, card = load_strength(model)
    changes = Changes()
    with StrengthPredictor(
        network, card, resolve_devices(device), threads=threads, batch_size=batch_size, precision=precision
    ) as predictor:
        rows = read_sequences_to_score(sequences)
        while batch := list(itertools.islice(rows, predictor.batch_inserts)):
            inserts, changed = predictor.reporter.fit([codes for _, codes in batch])
            changes = changes.plus(changed)
            predicted = zip(*(values.tolist() for values in predictor.predict(inserts)), strict=True)
            for (name, _), (strength, deviation) in zip(batch, predicted, strict=True):
                known = not math.isnan(strength)
                yield StrengthScore(name, strength if known else None, deviation if known else None)
    changes.log(sequences)
