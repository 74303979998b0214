"""Inserts of a wanted strength: simulated annealing with a strength model, within limits.

Many chains walk at once, all their steps predicted in one call. A step changes a base or two, and is taken if it keeps
within the limits and brings the prediction nearer, or by chance if not, ever more rarely. Inserts on the way that are
near enough, and far enough from those chosen before, are the proposals. Every draw comes from the seed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from promscan import dna
from promscan.card import DEFAULT_STRENGTH
from promscan.checkpoint import load_strength
from promscan.datasets import read_sequences_to_score
from promscan.device import resolve_devices
from promscan.dna import UNKNOWN, Codes
from promscan.errors import DesignError, InputError
from promscan.limits import Counts, Limits, gc_of
from promscan.log import Progress, progress
from promscan.predict.strength import StrengthPredictor, Strengths
from promscan.records import Mask

CHAINS = 256
STEPS = 500
PATIENCE = 100
"""Steps of a chain at most, and steps without anything new, before a strength counts as out of reach."""
REPAIRS = 2000
"""Changes of an insert, before the limits count as impossible."""
TRIES = 4
"""How often a chain looks for a step within the limits before it stays where it is."""
SECOND_CHANGE = 0.3
"""How often a step changes two bases."""
HOTTEST = 0.3
TOLERANCE = 0.1
"""First temperature and default tolerance, in standard deviations of what the model learned from."""
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
    """Propose inserts of some strengths, `count` of each, in the order asked for and the nearest first.

    Args:
        strengths: in the unit of the model.
        model: bundled name or weights file of a strength model.
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
        seed: of every random draw.
        device: `auto`, `cpu`, `cuda`, `cuda:N`, `mps` or `all` (every CUDA device, of one model).
        threads: CPU threads (None: all).

    Raises:
        InputError: the start or a limit cannot be used.
        DesignError: no insert keeps to the limits, or too few have a strength.
        ModelError: no such strength model.
        DeviceError: no such device.
    """
    if count < 1 or not strengths or seed < 0:
        raise ValueError("ask for at least one strength and one insert, with a seed from 0 on")
    if start is None and max_changes is not None:
        raise ValueError("max_changes counts from a start: give one")
    limits = Limits(gc, tuple(avoid), max_homopolymer)
    network, card = load_strength(str(model))
    with StrengthPredictor(network, card, resolve_devices(device), threads=threads) as predictor:
        begin = None if start is None else read_start(start, predictor.reporter.insert)
        reach = MAX_CHANGES if max_changes is None else max_changes
        if min_difference is None:
            min_difference = predictor.reporter.insert // 4 if begin is None else max(1, reach // 2)
        if tolerance is None:
            tolerance = TOLERANCE * predictor.spread
        search = _Search(predictor, limits, begin, reach, min_difference, tolerance, seed)
        with progress(len(strengths) * STEPS, "designing", "step") as bar:
            found = [_Proposal(wanted, *each) for wanted in strengths for each in search.run(wanted, count, bar)]
    return [_described(f"design{i}", proposal, begin) for i, proposal in enumerate(found, start=1)]


def read_start(text: str, length: int) -> Codes:
    """Codes (length,) of the insert in `text`: its letters, or a FASTA file (or table) of one.

    Raises:
        InputError: it has another length or an unknown base, or it is not one insert.
    """
    if os.path.exists(text):
        sequences = [codes for _, codes in read_sequences_to_score(text)]
        if len(sequences) != 1:
            raise InputError(f"{text}: holds {len(sequences)} sequences; give one to start from")
        codes, name = sequences[0], text
    else:
        name = "start"
        try:
            codes = dna.encode(text)
        except ValueError as error:
            raise InputError(f"start {text!r} is neither a file nor a sequence: {error}") from error
    if len(codes) != length:
        raise InputError(f"{name}: the sequence has {len(codes)} bp; give an insert of exactly {length}")
    if (codes == UNKNOWN).any():
        raise InputError(f"{name}: base {int(np.argmax(codes == UNKNOWN)) + 1} is unknown; give A, C, G or T there")
    return codes


class _Proposal(NamedTuple):
    wanted: float
    insert: Codes
    strength: float
    deviation: float


def _described(name: str, proposal: _Proposal, start: Codes | None) -> Design:
    insert = proposal.insert
    return Design(
        name,
        dna.decode(insert),
        proposal.wanted,
        proposal.strength,
        proposal.deviation,
        float(gc_of(insert[None])[0]) / len(insert),
        None if start is None else int((insert != start).sum()),
    )


class _Search:
    """Looks for inserts of one strength after the other; what was chosen for one keeps its distance from all before.

    `start` (insert length,) bounds the walk to `max_changes` around it; None: anywhere.
    """

    def __init__(
        self,
        predictor: StrengthPredictor,
        limits: Limits,
        start: Codes | None,
        max_changes: int,
        min_difference: int,
        tolerance: float,
        seed: int,
    ) -> None:
        self.predictor, self.limits = predictor, limits
        self.start, self.max_changes = start, max_changes
        self.min_difference, self.tolerance = min_difference, tolerance
        self.rng = np.random.default_rng(seed)
        self.length = predictor.reporter.insert
        self.chosen = np.empty((0, self.length), dtype=np.uint8)

    def run(self, wanted: float, count: int, bar: Progress) -> list[tuple[Codes, float, float]]:
        """`count` inserts with predicted strength and standard deviation, the nearest first.

        Raises:
            DesignError: the limits allow no insert, or there are not as many near the wanted strength.
        """
        inserts = tried = self._first()
        strengths, deviations = now, _ = self.predictor.predict(tried)
        proposals = self._choose(tried, strengths, deviations, wanted, count)
        nearest = _nearest(strengths, wanted)
        step = last_news = 0
        while len(proposals) < count and step < STEPS and step - last_news < PATIENCE and self._can_move:
            tried = self._steps_from(inserts)
            strengths, deviations = self.predictor.predict(tried)
            more = self._choose(tried, strengths, deviations, wanted, count - len(proposals))
            proposals += more
            if more or abs(_nearest(strengths, wanted) - wanted) < abs(nearest - wanted):
                last_news = step
            nearest = min(nearest, _nearest(strengths, wanted), key=lambda strength: abs(strength - wanted))
            taken = self._taken(now, strengths, wanted, 1 - step / STEPS)
            inserts, now = np.where(taken[:, None], tried, inserts), np.where(taken, strengths, now)
            step += 1
            bar.advance(1)
        bar.advance(STEPS - step)
        if len(proposals) < count:
            raise self._failure(wanted, len(proposals), count, nearest)
        return sorted(proposals, key=lambda proposal: abs(proposal[1] - wanted))

    def _failure(self, wanted: float, found: int, count: int, nearest: float) -> DesignError:
        if abs(nearest - wanted) > self.tolerance:
            return DesignError(
                f"strength {wanted:g} is out of reach: the nearest found within the limits is {nearest:.4g}; ask for "
                "that, allow more changes, or widen the limits or the tolerance"
            )
        return DesignError(
            f"strength {wanted:g}: found {found} of {count} inserts within {self.tolerance:.4g} of it that differ in "
            f"at least {self.min_difference} bp; ask for fewer, a smaller difference or a wider tolerance"
        )

    def _first(self) -> Codes:
        """An insert within the limits for each chain, (CHAINS, length).

        Raises:
            DesignError: none was found.
        """
        if self.start is None:
            share = self.rng.uniform(*self.limits.gc, (CHAINS, 1))
            strong = self.rng.random((CHAINS, self.length)) < share
            inserts = (self.rng.integers(0, 2, strong.shape) + 2 * strong).astype(np.uint8)
        else:
            inserts = np.tile(self.start, (CHAINS, 1))
        violations = self._violations(inserts)
        for _ in range(REPAIRS if self._can_move else 0):
            wrong = np.flatnonzero(violations)
            if len(wrong) <= CHAINS // 2:
                break
            changed = self._changed(inserts[wrong])
            found = self._violations(changed)
            better = found <= violations[wrong]
            inserts[wrong[better]], violations[wrong[better]] = changed[better], found[better]
        allowed = inserts[violations == 0]
        if not len(allowed):
            where = "" if self.start is None else f" with at most {self.max_changes} changes of the start"
            raise DesignError(
                f"no insert{where} was found that keeps to the limits ({self.limits.describe()}); widen them"
            )
        return np.resize(allowed, inserts.shape)

    @property
    def _can_move(self) -> bool:
        return self.start is None or self.max_changes > 0

    def _violations(self, inserts: Codes) -> Counts:
        return self.limits.violations(inserts, self.predictor.reporter)

    def _steps_from(self, inserts: Codes) -> Codes:
        """A changed insert within the limits for each (n, length), or the insert itself if none is found quickly."""
        stepped = inserts.copy()
        waiting = np.arange(len(inserts))
        for _ in range(TRIES):
            changed = self._changed(inserts[waiting])
            allowed = self._violations(changed) == 0
            stepped[waiting[allowed]] = changed[allowed]
            waiting = waiting[~allowed]
        return stepped

    def _changed(self, inserts: Codes) -> Codes:
        """A base or two of each insert (n, length) replaced, without leaving the neighbourhood of the start."""
        changed, rows = inserts.copy(), np.arange(len(inserts))
        for share in (1.0, SECOND_CHANGE):
            places = self.rng.integers(0, self.length, len(inserts))
            shifts = self.rng.integers(1, 4, len(inserts)) * (self.rng.random(len(inserts)) < share)
            changed[rows, places] = (changed[rows, places] + shifts) % 4
        while self.start is not None:
            differ = changed != self.start
            far = np.flatnonzero(differ.sum(axis=1) > self.max_changes)
            if not far.size:
                break
            places = np.argmax(self.rng.random((len(far), self.length)) * differ[far], axis=1)
            changed[far, places] = self.start[places]
        return changed

    def _taken(self, now: Strengths, tried: Strengths, wanted: float, left: float) -> Mask:
        """Which steps to take; `left` is the share of all steps that is still to come.

        All strengths that are near enough are alike, so that chains drift on from where they found a proposal.
        """
        costs = [np.maximum(np.abs(each.astype(np.float64) - wanted), self.tolerance / 2) for each in (now, tried)]
        temperature = HOTTEST * self.predictor.spread * left**2
        chance = np.exp(np.minimum(0.0, costs[0] - costs[1]) / temperature)
        taken: Mask = self.rng.random(len(now)) < chance
        return taken

    def _choose(
        self, inserts: Codes, strengths: Strengths, deviations: Strengths, wanted: float, most: int
    ) -> list[tuple[Codes, float, float]]:
        """The first `most` that are near enough to the wanted strength, and far enough from all chosen before."""
        found = list[tuple[Codes, float, float]]()
        for row in np.flatnonzero(np.abs(strengths.astype(np.float64) - wanted) <= self.tolerance):
            if len(found) == most:
                break
            if ((self.chosen != inserts[row]).sum(axis=1) >= self.min_difference).all():
                self.chosen = np.concatenate([self.chosen, inserts[row : row + 1]])
                found.append((inserts[row], float(strengths[row]), float(deviations[row])))
        return found


def _nearest(strengths: Strengths, wanted: float) -> float:
    return float(strengths[np.argmin(np.abs(strengths - wanted))])
