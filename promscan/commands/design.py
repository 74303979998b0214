"""Propose inserts of a wanted strength."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from promscan.errors import DesignError, InputError
from promscan.inference.strength import StrengthPredictor
from promscan.io.sequences import read_sequences
from promscan.log import counted, progress
from promscan.networks.card import DEFAULT_STRENGTH
from promscan.networks.device import resolve_devices
from promscan.networks.strength_choice import unit_of
from promscan.networks.weights import load_strength
from promscan.seq import dna
from promscan.seq.bounds import MAX_INSERT, MAX_PROPOSALS, MAX_SEED, check_number, check_whole, rounded_inwards
from promscan.seq.dna import UNKNOWN, Codes
from promscan.strength.constraints import Limits, gc_of
from promscan.strength.reporter import Reporter
from promscan.strength.search import STEPS, TOLERANCE, Proposal, Search

MAX_CHANGES = 20


class Design(NamedTuple):
    """A proposal.

    sequence: the insert, 5' to 3'.
    wanted: the strength that was asked for, in the unit of the model, as the predicted one.
    gc: share of G and C.
    changes: bases that differ from the start; None without one.
    """

    name: str
    sequence: str
    wanted: float
    strength: float
    strength_sd: float
    gc: float
    changes: int | None


def design(
    strengths: Sequence[float],
    *,
    model: str | Path = DEFAULT_STRENGTH,
    unit: str | None = None,
    length: int | None = None,
    count: int = 10,
    start: str | None = None,
    max_changes: int | None = None,
    gc: tuple[float, float] = (0.3, 0.7),
    avoid: Sequence[str] = (),
    max_homopolymer: int = 6,
    min_difference: int | None = None,
    tolerance: float | None = None,
    seed: int = 1,
    device: str = "auto",
    threads: int | None = None,
) -> list[Design]:
    """Propose inserts of the wanted strengths, `count` of each, in the order asked for and the nearest first.

    Args:
        strengths: in the unit of the model.
        model: bundled name or weights file of a strength model.
        unit: unit of the strengths (None: that of the model's scores); each has its reporter.
        length: of the inserts in bp (None: that of the start, else the longest that the model knows).
        count: proposals of each strength.
        start: letters of an insert to begin at, or a FASTA file of one; None: begin anywhere.
        max_changes: how many bases may differ from the start (None: 20).
        gc: least and largest share of G and C.
        avoid: IUPAC sequences that must not occur, on either strand, nor across the ends of the insert.
        max_homopolymer: longest run of one base.
        min_difference: in how many bases two proposals differ at least (None: a quarter of the insert, and with a start
            half of `max_changes`, but at least 1).
        tolerance: how far a predicted strength may be from the wanted one (None: a tenth of the standard deviation of
            what the model learned from).
        seed: seed of every random draw.
        device: `auto`, `cpu`, `cuda`, `cuda:N`, `mps` or `all` (every CUDA device, of one model).
        threads: CPU threads (None: all).

    Raises:
        InputError: the start or a limit cannot be used.
        DesignError: no insert keeps to the limits, or too few have a strength.
        ModelError: no such strength model.
        DeviceError: no such device.
    """
    _check_numbers(strengths, count, max_changes, min_difference, tolerance, seed)
    if start is None and max_changes is not None:
        raise ValueError("max_changes counts from a start: give one")
    limits = Limits(gc, tuple(avoid), max_homopolymer)
    network, card = load_strength(str(model))
    reporter = Reporter.of(card, unit_of(card, unit)).of_length(length)
    begin = None if start is None else read_start(start, reporter)
    insert = length if begin is None else len(begin)
    with StrengthPredictor(
        network, card, resolve_devices(device), unit=unit, insert=insert, threads=threads
    ) as predictor:
        _check_reach(strengths, predictor, card.name)
        reach = MAX_CHANGES if max_changes is None else max_changes
        changes = None if begin is None else reach
        difference = _difference_of(min_difference, predictor.reporter.insert, changes, len(strengths) * count)
        if tolerance is None:
            tolerance = TOLERANCE * predictor.spread
        search = Search(predictor, limits, begin, reach, difference, tolerance, seed)
        with progress(len(strengths) * STEPS, "designing", "steps") as bar:
            found = [(wanted, proposal) for wanted in strengths for proposal in search.run(wanted, count, bar)]
    return [_described(f"design{i}", *each, begin) for i, each in enumerate(found, start=1)]


def _check_numbers(
    strengths: Sequence[float],
    count: int,
    max_changes: int | None,
    min_difference: int | None,
    tolerance: float | None,
    seed: int,
) -> None:
    """Check what `design` is asked for.

    Raises:
        InputError: a number is out of range.
    """
    if not strengths:
        raise InputError("ask for at least one strength")
    for strength in strengths:
        check_number("strength", strength)
    check_whole("count", count, 1, MAX_PROPOSALS)
    check_whole("seed", seed, 0, MAX_SEED)
    if max_changes is not None:
        check_whole("max_changes", max_changes, 0, MAX_INSERT)
    if min_difference is not None:
        check_whole("min_difference", min_difference, 1, MAX_INSERT)
    if tolerance is not None:
        check_number("tolerance", tolerance, 0)


def _check_reach(strengths: Sequence[float], predictor: StrengthPredictor, model: str) -> None:
    """Refuse strengths that the model cannot predict for any insert, before the search for them.

    Raises:
        DesignError: a strength lies outside of the range of the model.
    """
    low, high = predictor.range
    for strength in strengths:
        if not low <= strength <= high:
            raise DesignError(
                f"strength {strength:g} is out of reach: model {model} predicts strengths of "
                f"{rounded_inwards(low, 1)} to {rounded_inwards(high, -1)}; ask for one of those"
            )


def _difference_of(wanted: int | None, insert: int, reach: int | None, proposals: int) -> int:
    """In how many bases two proposals differ at least.

    Args:
        wanted: what was asked for; None: a quarter of the insert, or half of the changes of a start.
        insert: their length.
        reach: how many changes of a start are allowed; None: there is no start.
        proposals: how many are wanted.

    Raises:
        InputError: no two inserts differ as much as was asked for, so the search would be in vain.
    """
    if wanted is None:
        return insert // 4 if reach is None else max(1, reach // 2)
    most = insert if reach is None else min(insert, 2 * reach)
    if proposals > 1 and wanted > most:
        within = f"inserts of {insert} bp" if reach is None else f"inserts with at most {counted(reach, 'change')}"
        raise InputError(f"two {within} differ in at most {most} bp, and never in {wanted}; ask for less")
    return wanted


def read_start(text: str, reporter: Reporter) -> Codes:
    """Codes (length,) of the insert in `text`: its letters, or a FASTA file (or table) of one.

    Raises:
        InputError: it has another length or an unknown base, or it is not one insert.
    """
    if os.path.exists(text):
        sequences = [sequence.codes for sequence in read_sequences(text)]
        if len(sequences) != 1:
            raise InputError(f"{text}: holds {len(sequences)} sequences; give one to start from")
        codes, name = sequences[0], text
    else:
        name = "start"
        try:
            codes = dna.encode(text)
        except ValueError as error:
            raise InputError(f"start {text!r} is neither a file nor a sequence: {error}") from error
    shortest = reporter.shortest or reporter.insert
    if not shortest <= len(codes) <= reporter.insert:
        wanted = f"exactly {shortest}" if shortest == reporter.insert else f"{shortest} to {reporter.insert}"
        raise InputError(f"{name}: the sequence has {len(codes)} bp; give an insert of {wanted}")
    if (codes == UNKNOWN).any():
        raise InputError(f"{name}: base {int(np.argmax(codes == UNKNOWN)) + 1} is unknown; give A, C, G or T there")
    return codes


def _described(name: str, wanted: float, proposal: Proposal, start: Codes | None) -> Design:
    insert = proposal.insert
    return Design(
        name,
        dna.decode(insert),
        wanted,
        proposal.strength,
        proposal.strength_sd,
        float(gc_of(insert[None])[0]) / len(insert),
        None if start is None else int((insert != start).sum()),
    )
