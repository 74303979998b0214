"""Make `tiny-strength.safetensors`: a strength model for the tests, trained in seconds on made-up expression.

    python tests/data/make_tiny_strength.py

What raises expression is T and G in the last 40 bp of an insert, T more than G, and TATAAA there; no measurement is in
it. The weights differ in the last bits from machine to machine, so the documents and their examples go with the file.
"""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

import numpy as np

from promscan.networks.card import strength_of
from promscan.networks.expression import ExpressionArchitecture
from promscan.networks.weights import load_strength, save_model
from promscan.seq import dna
from promscan.strength.measurements import read_measurements
from promscan.strength.reporter import Reporter
from promscan.train.strength import train_strength
from promscan.train.strength_trainer import StrengthRecipe

HERE = Path(__file__).parent
ROWS = 6000
MOTIF = "TATAAA"
SPECIES = "made up"


def made_up(rng: np.random.Generator) -> tuple[str, float]:
    """A random insert and its expression, from about 2 to 14."""
    insert = rng.choice(list(dna.ALPHABET[:4]), 80, p=rng.dirichlet([4, 4, 4, 4]))
    letters = "".join(insert)
    if rng.random() < 0.3:
        place = int(rng.integers(0, 80 - len(MOTIF)))
        letters = letters[:place] + MOTIF + letters[place + len(MOTIF) :]
    last = letters[40:]
    rise = last.count("T") + 0.5 * last.count("G") - 15 + 4 * (MOTIF in last)
    return letters, 8 + 0.3 * rise + float(rng.normal(0, 0.3))


def main() -> None:
    rng = np.random.default_rng(1)
    architecture = ExpressionArchitecture(kind="gru", hidden=24, bins=16, dropout=0.0, units=("expression",))
    recipe = StrengthRecipe(architecture=architecture, epochs=10, batch_size=64, averaging=0.99, learning_rate=1e-2)
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "made-up.tsv"
        rows = "".join(f"{letters}\t{value:.4f}\n" for letters, value in (made_up(rng) for _ in range(ROWS)))
        table.write_text(f"sequence\texpression\n{rows}")
        measured = read_measurements(str(table), "expression", Reporter())
        train_strength([measured], Path(folder) / "run", recipe, device="cpu", threads=1, species=SPECIES)
        network, card = load_strength(str(Path(folder) / "run" / "best.safetensors"))
    card = dataclasses.replace(
        card,
        name="tiny-strength",
        description="A very small strength model for the tests, trained on made-up expression.",
        limits="Good for nothing but tests.",
        strength=dataclasses.replace(strength_of(card), domain="made-up expression"),
        git_commit="",
    )
    save_model(HERE / "tiny-strength.safetensors", network, card)


if __name__ == "__main__":
    main()
