"""Tables of made-up expression for the tests of strength: random inserts, and what a planted motif does to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from promscan.networks.expression import ExpressionArchitecture
from promscan.seq import dna
from promscan.strength.measurements import Measurements, read_measurements
from promscan.strength.reporter import Reporter
from promscan.train.strength_trainer import StrengthRecipe

RISING, FALLING = "CCGGAAGTG", "TACCCGGTA"
REPORTER = Reporter()


def planted(count: int, seed: int, *, noise: float = 0.2) -> list[tuple[str, float]]:
    """Inserts of 80 bp: a third hold RISING, which adds 4, a third FALLING, which takes 3 away, around 8."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        letters = dna.decode(rng.integers(0, 4, 80, dtype=np.uint8))
        motif, effect = (("", 0.0), (RISING, 4.0), (FALLING, -3.0))[number % 3]
        place = int(rng.integers(0, 80 - len(motif)))
        letters = letters[:place] + motif + letters[place + len(motif) :]
        rows.append((letters, 8 + effect + float(rng.normal(0, noise))))
    return rows


def write(path: Path, rows: list[tuple[str, float]]) -> Path:
    lines = ["sequence\texpression", *(f"{letters}\t{value:.4f}" for letters, value in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def measurements(folder: Path, count: int, seed: int, unit: str = "expression") -> Measurements:
    path = write(folder / f"{unit}{seed}.tsv", planted(count, seed))
    return read_measurements(str(path), unit, REPORTER)


def recipe(*units: str, **changes: object) -> StrengthRecipe:
    sizes = {key: changes.pop(key) for key in ("kind", "hidden", "bins") if key in changes}
    architecture = ExpressionArchitecture(**{"units": units or ("expression",), "hidden": 16, **sizes})
    values = {"epochs": 3, "batch_size": 32, "learning_rate": 5e-3, "averaging": 0.9, "architecture": architecture}
    return StrengthRecipe(**{**values, **changes})
