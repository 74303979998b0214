"""Write windows whose labels are the mean probability of several models, for a network to learn from.

Distillation (Hinton et al. 2015): several teachers together know more than each. The table has every window of TRAIN,
labelled half by its own label and half by the teachers, and windows of the sequences of the pretraining, labelled by
the teachers alone: half of these lie where a 300-bp promoter has its transcription start, or up to 8 bp from there,
the others anywhere; every second one is scrambled like the negatives of the benchmark.

    python -m recipes.steps.soft_labels TRAIN.csv pretraining.tsv -o soft.tsv --windows 100000 --teacher A --teacher B
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.special import expit

from benchmarks.common import parser_of
from promscan.inference.engine import open_engine
from promscan.networks.weights import load_model
from promscan.seq import dna
from promscan.seq.dna import Codes
from promscan.seq.windows import WINDOW
from promscan.train.data.labelled_windows import read_windows
from promscan.train.data.scramble import WINDOW_OFFSET, scramble
from promscan.train.data.unlabelled import read_unlabelled

SHIFT = 8
"""Largest distance in bp between the start of such a window and that of a window of the benchmark."""


def cut(sequences: Sequence[Codes], count: int, rng: np.random.Generator) -> Codes:
    """Windows (count, 70) of random sequences, every second one scrambled."""
    windows = np.empty((count, WINDOW), dtype=np.uint8)
    for i, row in enumerate(rng.integers(0, len(sequences), count)):
        last = len(sequences[row]) - WINDOW
        near = min(last, WINDOW_OFFSET + int(rng.integers(-SHIFT, SHIFT + 1)))
        start = near if rng.random() < 0.5 else int(rng.integers(0, last + 1))
        windows[i] = sequences[row][start : start + WINDOW]
    windows[::2], _ = scramble(windows[::2], rng)
    return windows


def logits_of(teacher: str, codes: Codes) -> np.ndarray:
    """Logits (n,) of windows (n, 70)."""
    network, card = load_model(teacher)
    with open_engine(card.engine, network, [torch.device("cpu")]) as engine:
        batches = range(0, len(codes), engine.batch_windows)
        return np.concatenate([engine.score_windows(codes[i : i + engine.batch_windows]) for i in batches])


def main() -> None:
    parser = parser_of(__doc__, "output")
    parser.add_argument("train")
    parser.add_argument("sequences")
    parser.add_argument("--windows", type=int, default=100_000, help="Windows of SEQUENCES.  [default: 100000]")
    parser.add_argument("--teacher", action="append", required=True)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    train = read_windows(arguments.train)
    rng = np.random.default_rng(arguments.seed)
    codes = np.concatenate([train.codes, cut(read_unlabelled(arguments.sequences).codes, arguments.windows, rng)])
    labels = expit(np.mean([logits_of(teacher, codes) for teacher in arguments.teacher], axis=0))
    labels[: len(train)] = (labels[: len(train)] + train.labels) / 2
    with arguments.output.open("w") as out:
        out.write("sequence\tlabel\n")
        out.writelines(f"{dna.decode(row)}\t{label:.4f}\n" for row, label in zip(codes, labels, strict=True))


if __name__ == "__main__":
    main()
