"""Inserts of a wanted strength: simulated annealing with a strength model, within limits.

Many chains walk at once; one call predicts all their steps. A step changes one or two bases. It is taken if it is
within the limits and brings the prediction nearer; other steps within the limits are taken by chance, more and more
rarely. Inserts on the way that are near enough to the wanted strength, and far enough from those chosen before, are the
proposals. Every draw comes from the seed.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from promscan.errors import DesignError
from promscan.log import Progress, counted
from promscan.seq.dna import Codes, Mask
from promscan.strength.constraints import Counts, Limits
from promscan.strength.reporter import Reporter

Strengths = npt.NDArray[np.float32]

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


class Predictor(Protocol):
    """The interface of a strength model for a search."""

    @property
    def reporter(self) -> Reporter:
        """The construct that the inserts stand in."""

    @property
    def spread(self) -> float:
        """Standard deviation of the training data, in the unit of the model."""

    def predict(self, inserts: Codes) -> tuple[Strengths, Strengths]:
        """Strength and its standard deviation, (n,) each, of inserts (n, insert length)."""


class Proposal(NamedTuple):
    """An insert (insert length,) with its predicted strength and standard deviation."""

    insert: Codes
    strength: float
    strength_sd: float


class Search:
    """Search for inserts of one strength after the other, at a distance from all inserts chosen before.

    start: (insert length,); inserts have at most `max_changes` changes to it. None: the walk begins anywhere.
    """

    def __init__(
        self,
        predictor: Predictor,
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

    def run(self, wanted: float, count: int, bar: Progress) -> list[Proposal]:
        """`count` inserts near a wanted strength, the nearest first.

        Raises:
            DesignError: the limits allow no insert, or there are too few near the wanted strength.
        """
        current = self._first()
        strengths, deviations = self.predictor.predict(current)
        proposals = self._choose(current, strengths, deviations, wanted, count)
        nearest = _nearest(strengths, wanted)
        step, last_progress = 0, 0
        while len(proposals) < count and step < STEPS and step - last_progress < PATIENCE and self._can_move:
            tried = self._steps_from(current)
            tried_strengths, deviations = self.predictor.predict(tried)
            more = self._choose(tried, tried_strengths, deviations, wanted, count - len(proposals))
            proposals += more
            reached = _nearest(tried_strengths, wanted)
            if more or abs(reached - wanted) < abs(nearest - wanted):
                last_progress = step
            nearest = min(nearest, reached, key=lambda strength: abs(strength - wanted))
            taken = self._taken(strengths, tried_strengths, wanted, 1 - step / STEPS)
            current = np.where(taken[:, None], tried, current)
            strengths = np.where(taken, tried_strengths, strengths)
            step += 1
            bar.advance(1)
        bar.advance(STEPS - step)
        if len(proposals) < count:
            raise self._failure(wanted, len(proposals), count, nearest)
        return sorted(proposals, key=lambda proposal: abs(proposal.strength - wanted))

    def _failure(self, wanted: float, found: int, count: int, nearest: float) -> DesignError:
        if abs(nearest - wanted) > self.tolerance:
            return DesignError(
                f"strength {wanted:g} is out of reach: the nearest found within the limits is {nearest:.4g}; ask for "
                "that, allow more changes, or widen the limits or the tolerance"
            )
        return DesignError(
            f"strength {wanted:g}: found {found} of {counted(count, 'insert')} within {self.tolerance:.4g} of it that "
            f"differ in at least {self.min_difference} bp; ask for fewer, a smaller difference or a wider tolerance"
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
    ) -> list[Proposal]:
        """The first `most` that are near enough to the wanted strength, and far enough from all chosen before."""
        found = list[Proposal]()
        for row in np.flatnonzero(np.abs(strengths.astype(np.float64) - wanted) <= self.tolerance):
            if len(found) == most:
                break
            if ((self.chosen != inserts[row]).sum(axis=1) >= self.min_difference).all():
                self.chosen = np.concatenate([self.chosen, inserts[row : row + 1]])
                found.append(Proposal(inserts[row], float(strengths[row]), float(deviations[row])))
        return found


def _nearest(strengths: Strengths, wanted: float) -> float:
    return float(strengths[np.argmin(np.abs(strengths - wanted))])
