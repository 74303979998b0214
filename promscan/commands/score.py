"""Score single sequences, one row each, without scanning."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from promscan.calling.peaks import probability_of
from promscan.errors import InputError
from promscan.inference.engine import Engine, open_engine
from promscan.inference.settings import EngineSettings
from promscan.inference.strength import StrengthPredictor
from promscan.io.sequences import NAME, NamedSequence, SequencesInput, SequenceSource, check_window, open_sequences
from promscan.io.tables import escape_cell
from promscan.networks.card import DEFAULT_CLASSIFIER, STRENGTH, Card, read_card
from promscan.networks.device import resolve_devices
from promscan.networks.model_files import find_model
from promscan.networks.strength_choice import unit_of
from promscan.networks.weights import load_model, load_strength
from promscan.strength.reporter import Changes

LONGEST_INSERTS = 10
"""A strength model takes sequences of up to this many times its insert; a longer one is a contig, given by mistake."""

Values = tuple[float | None, float | None]


class Score(NamedTuple):
    """Score of one sequence as it stands (its own strand only); both values are None when too much is unknown."""

    name: str
    logit: float | None
    probability: float | None


class StrengthScore(NamedTuple):
    """Expression of one sequence in the unit of the model; both values are None when nothing of it is known."""

    name: str
    strength: float | None
    strength_sd: float | None


def score(
    sequences: SequencesInput,
    *,
    model: str | Path = DEFAULT_CLASSIFIER,
    unit: str | None = None,
    device: str = "auto",
    batch_size: int | None = None,
    threads: int | None = None,
    precision: str = "auto",
) -> Iterator[Score] | Iterator[StrengthScore]:
    """Yield a `Score` for each 70-bp sequence, in order; with a strength model, a `StrengthScore` for each.

    A strength model takes sequences of any length up to ten times its insert: a leading part of its 5' flank is
    stripped, longer ones than its insert lose their 5' end, and shorter ones are padded there.

    Args:
        sequences: path of FASTA, or of CSV/TSV with a column `sequence` (and `name`, else rows are numbered from 1),
            plain or compressed, a file, a pipe or `-` for standard input; or, in memory, a mapping of name to sequence
            or a list of sequences, which are numbered from 1. One text is a path: give one sequence as a list.
        model: bundled name or weights file.
        unit: unit of a strength model (None: that of its scores).
        device: `auto`, `cpu`, `cuda`, `cuda:N`, `mps` or `all` (every CUDA device, of one model).
        batch_size: largest number of sequences in flight; see `open_engine`.
        threads: CPU threads (None: all).
        precision: `auto`, `float32` or `bfloat16`.

    Raises:
        InputError: a sequence has another length than 70 bp, is too long for a strength model, or has a letter that is
            no nucleotide code (the message says where); or the file is unreadable.
        ModelError: no such model or unit.
        DeviceError: no such device.
    """
    kind = _kind_of(model, unit)
    settings = EngineSettings(threads=threads, batch_size=batch_size, precision=precision)
    return _scores(sequences, str(model), unit, kind, device, settings)


def score_table(
    sequences: str,
    *,
    model: str,
    unit: str | None,
    device: str,
    batch_size: int | None,
    threads: int | None,
    precision: str,
) -> Iterator[list[str]]:
    """The rows of the table that `promscan score` writes, the first with the names of the columns.

    The columns of a table come first, then the scores. Raises what `score` raises, and refuses a table that has columns
    of scores already.
    """
    kind = _kind_of(model, unit)
    settings = EngineSettings(threads=threads, batch_size=batch_size, precision=precision)
    with open_sequences(sequences) as source:
        names = _column_names(source.columns, kind._fields[1:], source.name)
        scored = _score_all(source, model, unit, device, settings)
        first = list(itertools.islice(scored, 1))  # a failure leaves no line of column names on standard output
        yield names
        for sequence, values in itertools.chain(first, scored):
            row = [escape_cell(cell) for cell in _row(source.columns, sequence)]
            yield row + ["." if value is None else f"{value:.4f}" for value in values]


def _kind_of(model: str | Path, unit: str | None) -> type[Score] | type[StrengthScore]:
    card = read_card(find_model(str(model)))
    if unit is not None:
        unit_of(card, unit)
    return StrengthScore if card.task == STRENGTH else Score


def _column_names(columns: Sequence[str], scores: Sequence[str], source: str) -> list[str]:
    if both := [name for name in scores if name in columns]:
        raise InputError(f"{source}, line 1: there is a column {both[0]!r} already; rename or remove it")
    return [*([] if NAME in columns else [NAME]), *map(escape_cell, columns), *scores]


def _row(columns: Sequence[str], sequence: NamedSequence) -> list[str]:
    """The cells of a sequence; its name stands first if its table has no names."""
    if NAME not in columns:
        return [sequence.name, *sequence.cells]
    return [sequence.name if name == NAME else cell for name, cell in zip(columns, sequence.cells, strict=True)]


def _scores(
    sequences: SequencesInput,
    model: str,
    unit: str | None,
    kind: type[Score] | type[StrengthScore],
    device: str,
    settings: EngineSettings,
) -> Iterator[Score] | Iterator[StrengthScore]:
    with open_sequences(sequences) as source:
        for sequence, values in _score_all(source, model, unit, device, settings):
            yield kind(sequence.name, *values)


def _score_all(
    source: SequenceSource, model: str, unit: str | None, device: str, settings: EngineSettings
) -> Iterator[tuple[NamedSequence, Values]]:
    with _open_scorer(source.name, model, unit, device, settings) as scorer:
        sequences = map(scorer.checked, source.sequences)
        while batch := list(itertools.islice(sequences, scorer.batch_size)):
            yield from zip(batch, scorer.score(batch), strict=True)


@contextmanager
def _open_scorer(
    source: str, model: str, unit: str | None, device: str, settings: EngineSettings
) -> Iterator[_WindowScorer | _StrengthScorer]:
    if _kind_of(model, unit) is Score:
        network, card = load_model(model)
        with open_engine(card.engine, network, resolve_devices(device), settings) as engine:
            yield _WindowScorer(engine)
        return
    expression, card = load_strength(model)
    with StrengthPredictor(
        expression, card, resolve_devices(device), unit=unit,
        threads=settings.threads, batch_size=settings.batch_size, precision=settings.precision,
    ) as predictor:  # fmt: skip
        scorer = _StrengthScorer(predictor, card)
        yield scorer
    scorer.changes.log(source)


class _WindowScorer:
    """Logit and probability of windows."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self.batch_size = engine, engine.batch_windows

    def checked(self, sequence: NamedSequence) -> NamedSequence:
        """The sequence, which fits the model."""
        check_window(sequence.codes, sequence.place)
        return sequence

    def score(self, batch: Sequence[NamedSequence]) -> list[Values]:
        logits = self._engine.score_windows(np.stack([sequence.codes for sequence in batch])).tolist()
        return [(None, None) if math.isnan(logit) else (logit, probability_of(logit)) for logit in logits]


class _StrengthScorer:
    """Strength of inserts, with its standard deviation."""

    def __init__(self, predictor: StrengthPredictor, card: Card) -> None:
        self._predictor, self._card, self.batch_size = predictor, card, predictor.batch_inserts
        self.changes = Changes()
        """What was stripped, trimmed and padded so far."""

    def checked(self, sequence: NamedSequence) -> NamedSequence:
        """The sequence, which fits the model."""
        insert = self._predictor.reporter.insert
        if len(sequence.codes) > LONGEST_INSERTS * insert:
            raise InputError(
                f"{sequence.place}: the sequence has {len(sequence.codes):,} bp, and {self._card.name} predicts the "
                f"strength of inserts of {insert} bp; cut the insert out (of up to {LONGEST_INSERTS * insert:,} bp, "
                f"the last {insert} are read)"
            )
        return sequence

    def score(self, batch: Sequence[NamedSequence]) -> list[Values]:
        inserts, changed = self._predictor.reporter.fit([sequence.codes for sequence in batch])
        self.changes = self.changes.plus(changed)
        predicted = zip(*(values.tolist() for values in self._predictor.predict(inserts)), strict=True)
        return [(None, None) if math.isnan(strength) else (strength, deviation) for strength, deviation in predicted]
