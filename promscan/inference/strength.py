"""The strength of inserts, in units of one fixed shape.

As in the engines, a unit is a fixed number of constructs, padded with unknown bases and run by one thread. Batch size,
threads and devices decide only how many units run at once, so they change no bit of a strength on one kind of device.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch

from promscan.inference.work_units import UnitRunner, check_finite, copies
from promscan.networks.card import Card, strength_of
from promscan.networks.device import autocast
from promscan.networks.expression import ExpressionNetwork
from promscan.networks.strength_choice import unit_of
from promscan.seq.dna import UNKNOWN, Codes
from promscan.strength.reporter import Reporter

UNIT = {"cpu": 32, "cuda": 4096, "mps": 1024}
"""Constructs in a unit, by kind of device."""

Strengths = npt.NDArray[np.float32]


class StrengthPredictor:
    """Predicts the expression of inserts in a unit of the model. A context manager, for it owns threads.

    Args:
        model: the network, in evaluation mode.
        card: its card.
        devices: where it runs, of one kind.
        unit: unit of the strengths (None: that of the model's scores).
        insert: length of the inserts in bp (None: the longest that the model knows).
        threads: CPU threads (None: as many as the process may use).
        batch_size: inserts in flight at most, rounded to whole units (None: by threads on CPU, by memory on CUDA).
        precision: `auto` is `float32`; `bfloat16` can be faster, and changes strengths a little.
    """

    def __init__(
        self,
        model: ExpressionNetwork,
        card: Card,
        devices: Sequence[torch.device],
        *,
        unit: str | None = None,
        insert: int | None = None,
        threads: int | None = None,
        batch_size: int | None = None,
        precision: str = "auto",
    ) -> None:
        self.models = copies(model, devices)
        self.unit = UNIT[devices[0].type]
        self.precision = precision
        self._part = strength_of(card)
        self._unit = unit_of(card, unit)
        self.reporter = Reporter.of(card, self._unit).of_length(insert)
        self._head = model.architecture.units.index(self._unit)
        self._width = model.architecture.length
        self._runner = UnitRunner(
            self._run_unit,
            devices,
            unit_windows=self.unit,
            threads=threads,
            batch_size=batch_size,
            sample=lambda: np.full((self.unit, self._width), UNKNOWN, dtype=np.uint8),
        )

    def __enter__(self) -> StrengthPredictor:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.close()

    @property
    def spread(self) -> float:
        """Standard deviation of what the model learned from, in its unit."""
        return float(next(iter(self.models.values())).spread[self._head])

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest strength that an insert can have: ends of the unit, and of the network's bins."""
        network = next(iter(self.models.values()))
        mean, farthest = float(network.mean[self._head]), network.farthest * self.spread
        ends = (self._part.lowest, self._part.highest) if self._unit == self._part.unit else (None, None)
        lowest, highest = (math.nan if end is None else end for end in ends)
        return float(np.fmax(lowest, mean - farthest)), float(np.fmin(highest, mean + farthest))

    @property
    def batch_inserts(self) -> int:
        """How many inserts to predict in one call."""
        return self.unit * max(8, 4 * self._runner.at_once)

    def predict(self, inserts: Codes) -> tuple[Strengths, Strengths]:
        """Strength and its standard deviation, (n,) each, of inserts (n, insert length) as `Reporter.fit` makes them.

        NaN for an insert without any known base.
        """
        strengths = np.full((2, len(inserts)), np.nan, dtype=np.float32)
        for index, values in enumerate(self._runner.map(self._units(inserts))):
            rows = slice(index * self.unit, (index + 1) * self.unit)
            strengths[:, rows] = values[:, : len(inserts[rows])]
        unknown = (inserts == UNKNOWN).all(axis=1)
        check_finite(strengths[:, ~unknown])
        strengths[:, unknown] = np.nan
        return strengths[0], strengths[1]

    def _units(self, inserts: Codes) -> Iterator[Codes]:
        for begin in range(0, len(inserts), self.unit):
            constructs = self.reporter.padded(inserts[begin : begin + self.unit], self._width)
            padded = np.full((self.unit, self._width), UNKNOWN, dtype=np.uint8)
            padded[: len(constructs)] = constructs
            yield padded

    def _run_unit(self, codes: Codes, device: torch.device) -> Strengths:
        with autocast(device, self.precision):
            mean, deviation = self.models[device].predict(torch.from_numpy(codes).to(device))
        values: Strengths = torch.stack([mean[:, self._head], deviation[:, self._head]]).float().cpu().numpy()
        return values
