r"""Train the convolutions of a scanning network before its GRU: they learn several times as many bases in an hour.

A linear layer reads the convolutions `AHEAD` bases before each TSS, where they see a bacterial promoter best, and the
head adds what it reads from base compositions and reading frames. The result has a new GRU and is where `promscan
train genome --init` goes on. Segments, labels and losses are those of that command; nothing is validated.

    python -m recipes.steps.pretrain_stem genome.fa tss.bed --dev dev --leave-out test --species Bacteria \
        --convolutions 3 --kernel 19 --frames 30,90,180,300,480,900 --steps 4000 -o runs/stem.safetensors
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.common import parser_of, widths
from promscan import log
from promscan.log import logger
from promscan.networks.architecture import Architecture
from promscan.networks.card import Card
from promscan.networks.classifier import BiGRUAttention
from promscan.networks.composition import compositions
from promscan.networks.device import autocast
from promscan.networks.reading_frames import reading_frames
from promscan.networks.weights import save_model
from promscan.seq.windows import TSS_INDEX, WINDOW
from promscan.train.data.labelled_genome import read_labelled_genome
from promscan.train.data.segments import SegmentRecipe, SegmentSampler
from promscan.train.genome_losses import losses_of
from promscan.train.genome_parts import split
from promscan.train.loop.distributed import ProcessGroup
from promscan.train.loop.optimiser import Optimiser, Recipe

AHEAD = 13
"""Bases before the TSS at which the convolutions are read."""
REPORTED = 50
"""Steps between two lines of the log."""
CPU = torch.device("cpu")


class StemReader(nn.Module):
    """The convolutions and the head of a network, with a linear layer in the place of its GRU."""

    def __init__(self, model: BiGRUAttention) -> None:
        super().__init__()
        self.model, self.read = model, nn.Linear(model.architecture.hidden, 1)

    def forward(self, codes: Tensor, margin: int) -> Tensor:
        """Codes (batch, length) to logits (batch, length - 2 * margin - 69)."""
        a, windows = self.model.architecture, codes.shape[1] - 2 * margin - WINDOW + 1
        first, around = margin + TSS_INDEX - AHEAD, a.stem_reach
        features = self.model.features(codes[:, first - around : first + windows + around])
        counted = [compositions(codes.T, a.composition, margin), reading_frames(codes.T, a.frames, margin)]
        no_states = features.new_zeros(*features[:, around : around + windows].shape[:2], 2 * a.hidden)
        of_counted = self.model.head(torch.cat([no_states, *(each.permute(2, 0, 1) for each in counted)], dim=2))
        logits: Tensor = self.read(features[:, around : around + windows]) + of_counted
        return logits.squeeze(2)


def train(reader: StemReader, sampler: SegmentSampler, recipe: Recipe, background: float) -> StemReader:
    """Train for `recipe.epochs` steps; returns the reader with the EMA weights."""
    ema = StemReader(BiGRUAttention(reader.model.architecture))
    ema.load_state_dict(reader.state_dict())
    optimiser = Optimiser(reader.train(), ema, recipe, recipe.epochs, ProcessGroup(CPU))
    rng, margin, losses = np.random.default_rng(recipe.seed), reader.model.architecture.reach, list[list[float]]()
    for step in range(1, recipe.epochs + 1):
        codes, *given = map(torch.from_numpy, sampler.draw(recipe.batch_size, margin, [], rng))
        with autocast(CPU, recipe.precision):
            logits = reader(codes, margin)
        loss = losses_of(logits.float(), None, *given)
        optimiser.step(loss.total(background, 0, 0))
        losses.append([loss.promoters.item(), loss.background.item()])
        if step % REPORTED == 0:
            logger.info("step %d: promoters %.3f, background %.5f", step, *np.mean(losses[-REPORTED:], axis=0))
    return ema.eval()


SIZES = {"hidden": 64, "convolutions": 3, "kernel": 19, "place": 48, "half_life": 16}
SEGMENTS = {"windows": 512, "near": 2, "ignored": 12, "flank_weight": 0.5, "mutations": 0.02}
STEPS = {"steps": 4000, "seed": 1, "learning_rate": 3e-3, "background_weight": 100.0}


def parse_options() -> argparse.Namespace:
    parser = parser_of(__doc__, "output")
    parser.add_argument("genome", type=Path)
    parser.add_argument("starts", type=Path)
    for name in ("dev", "leave-out", "species"):
        parser.add_argument(f"--{name}", required=True)
    for name, value in {**SIZES, **SEGMENTS, **STEPS}.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    parser.add_argument("--composition", type=widths, default=(100, 1000))
    parser.add_argument("--frames", type=widths, default=())
    parser.add_argument("--precision", default="bfloat16")
    return parser.parse_args()


def main() -> None:
    o = parse_options()
    log.configure(quiet=False)
    torch.set_num_threads(1)
    sizes = {name: getattr(o, name) for name in (*SIZES, "composition", "frames")}
    architecture = Architecture(dropout=0.1, place_in_logit=True, **sizes)
    genome = read_labelled_genome(o.genome, o.starts)
    parts = split(genome, o.dev.split(","), o.leave_out.split(","), architecture.reach)
    segments = SegmentRecipe(opposite_weight=1.0, **{name: getattr(o, name) for name in SEGMENTS})
    recipe = Recipe(
        learning_rate=o.learning_rate, batch_size=32, epochs=o.steps, averaging=0.998, precision=o.precision,
        seed=o.seed,
    )  # fmt: skip
    torch.manual_seed(o.seed)
    reader = StemReader(BiGRUAttention(architecture))
    sampler = SegmentSampler(parts.train.contigs, parts.train.starts, None, segments)
    trained = train(reader, sampler, recipe, o.background_weight)
    described: dict[str, Any] = {"genome": parts.train.describe(), "promoters": None}
    described["recipe"] = {**dataclasses.asdict(recipe), "segments": dataclasses.asdict(segments)}
    card = Card(
        name=o.output.stem, task="promoter", engine="streaming", architecture=architecture.describe(), sha256="",
        species=o.species, strand_trusted=True, training=described, splits=parts.describe_held_out(),
        limits="Only its convolutions and a part of its head are trained: train it on.",
    )  # fmt: skip
    save_model(o.output, trained.model, card)


if __name__ == "__main__":
    main()
