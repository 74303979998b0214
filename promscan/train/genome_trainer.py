"""The network of a model that scans and its optimiser, an epoch at a time.

From the second epoch on, a part of the background are false hits of the network itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from promscan.errors import RunError
from promscan.log import Progress
from promscan.networks.card import MIN_DISTANCE
from promscan.networks.card_parts import Scale
from promscan.networks.classifier import Architecture, BiGRUAttention
from promscan.networks.device import autocast
from promscan.seq.dna import Codes
from promscan.seq.records import STRANDS, Interval
from promscan.seq.tss import KnownStarts, Site
from promscan.train.data.segments import SegmentRecipe, Segments, SegmentSampler
from promscan.train.genome_losses import losses_of
from promscan.train.genome_validation import GenomeValidation, draw_pieces, scan_and_validate
from promscan.train.loop.distributed import ProcessGroup
from promscan.train.loop.optimiser import Recipe
from promscan.train.loop.seed import seed_epoch
from promscan.train.loop.trainer import Trainer, new_classifier
from promscan.train.teachers import Teachers

WARM_UPS = (4.375, 6.5625, 8.75, 10.9375)
"""Warm-up in half-lives of the states (140 to 350 bp for one of 32 bp). It is drawn for each batch, so that the network
cannot count from its first state."""
USUAL_HALF_LIFE = 32
"""Half-life in bp that decides the warm-up of a network without one."""
MINED_FALSE_HITS = 500
"""False hits that an epoch learns from."""


@dataclass(frozen=True, kw_only=True)
class GenomeRecipe(Recipe):
    """Settings that, together with the data, decide the result of a training on a genome.

    segments: size and labels of the segments.
    scale: distances on the genome and the default rate of false positives, for the card too.
    min_distance: least distance in bp between two hits of a strand, for the card too.
    segments_per_epoch: segments of an epoch; they are drawn anew in each epoch.
    background: weight of the mean loss of background; that of promoters is 1. With 1, a logit of 0 means that both are
        equally likely where they are equally common. A large weight makes the network learn what tells promoters from
        the rare background that resembles them most.
    ranking: weight of the ranking loss.
    placing: weight of the place loss, for a network with a head for places.
    teaching: weight of the squared difference from the logits of teachers, if there are any.
    dev_bases: bases of the dev contigs on which each epoch is validated; always the same.
    mining_bases: bases of the other contigs that are scanned for false hits before each epoch but the first; drawn
        anew each time. 0: no false hits are searched for.
    """

    architecture: Architecture = field(
        default_factory=lambda: Architecture(
            64,
            convolutions=1,
            dropout=0.1,
            composition=(100, 300, 1000, 2500),
            context=32,
            context_bins=(100, 200, 300, 600, 1000),
            half_life=32,
        )
    )
    segments: SegmentRecipe = field(default_factory=SegmentRecipe)
    scale: Scale = field(default_factory=Scale)
    min_distance: int = MIN_DISTANCE
    learning_rate: float = 2e-3
    batch_size: int = 32
    epochs: int = 20
    segments_per_epoch: int = 8000
    dev_bases: int = 4_000_000
    mining_bases: int = 4_000_000
    background: float = 1.0
    ranking: float = 0.25
    placing: float = 0.2
    teaching: float = 1.0
    averaging: float = 0.998


class GenomeTrainer(Trainer[BiGRUAttention]):
    """The classifier and its optimiser, an epoch at a time.

    threads: threads of the scans of an epoch (None: all that the process may use), which decide no result.
    teachers: networks whose logits are learned as well as the labels (None: the labels alone).
    """

    def __init__(
        self,
        recipe: GenomeRecipe,
        sampler: SegmentSampler,
        start: BiGRUAttention | None,
        group: ProcessGroup,
        threads: int | None,
        teachers: Teachers | None = None,
    ) -> None:
        if recipe.batch_size < group.size:
            raise RunError(
                f"{group.size} processes cannot share a batch of {recipe.batch_size}; "
                "start fewer of them, or raise --batch-size"
            )
        self.recipe, self.sampler, self.threads = recipe, sampler, threads
        self.teachers = teachers and teachers.to(group.device)
        steps_per_epoch = -(-recipe.segments_per_epoch // recipe.batch_size)
        super().__init__(recipe, lambda: new_classifier(recipe.architecture, start), steps_per_epoch, group)

    def run_epoch(self, epoch: int, bar: Progress) -> dict[str, float]:
        """Search for false hits, train one epoch; returns the learning rate and the losses."""
        rng = seed_epoch(self.recipe.seed, epoch, self.group.rank)
        hard = self._mine(rng) if epoch and self.recipe.mining_bases else []
        self.model.train()
        reach, losses = self.recipe.architecture.reach, list[dict[str, float]]()
        reach = max(reach, self.teachers.reach) if self.teachers else reach
        for _ in range(self.steps_per_epoch):
            warm_up = round(rng.choice(WARM_UPS) * (self.recipe.architecture.half_life or USUAL_HALF_LIFE))
            margin = max(warm_up, reach)
            losses.append(self._step(self.sampler.draw(self.recipe.batch_size, margin, hard, rng), margin, warm_up))
            bar.advance(self.recipe.segments_per_epoch / self.steps_per_epoch)
        self.group.require_equal(self.model.parameters())
        means = {name: float(np.mean([each[name] for each in losses])) for name in losses[0]}
        return {"learning_rate": self.optimiser.rate, **means}

    def scan(
        self, contigs: Mapping[str, Codes], pieces: Sequence[Interval], starts: KnownStarts, doubtful: KnownStarts
    ) -> GenomeValidation:
        """Scan these pieces with the EMA model and compare the hits with the listed starts."""
        return scan_and_validate(
            self.ema_model, contigs, pieces, starts, self.device, self.threads, doubtful, scale=self.recipe.scale,
            min_distance=self.recipe.min_distance,
        )  # fmt: skip

    def _mine(self, rng: np.random.Generator) -> list[Site]:
        """Find the false hits with the highest logits on pieces of the training contigs."""
        contigs, chroms = self.sampler.contigs, list(self.sampler.contigs)
        pieces = draw_pieces(contigs, self.recipe.mining_bases, rng)

        def false_hits() -> list[int]:
            validation = self.scan(contigs, pieces, self.sampler.starts, self.sampler.evidence.doubtful)
            hits = validation.top_false_hits(MINED_FALSE_HITS)
            return [n for hit in hits for n in (chroms.index(hit.chrom), hit.tss, STRANDS.index(hit.strand))]

        numbers = np.array(self.group.broadcast(false_hits), dtype=np.int64).reshape(-1, 3)
        return [Site(chroms[chrom], tss, STRANDS[strand]) for chrom, tss, strand in numbers.tolist()]

    def _step(self, batch: Segments, margin: int, warm_up: int) -> dict[str, float]:
        codes, labels, weights, rates, targets = (torch.from_numpy(each).to(self.device) for each in batch)
        own = codes[self.group.own_rows(len(codes))]
        with autocast(self.device, self.precision):
            logits, places = self.model.along_with_places(own, margin, warm_up)
            taught = None if self.teachers is None else self.teachers.logits(own, margin)
        logits = self.group.gather(logits.float(), len(codes))
        places = None if places is None else self.group.gather(places.float(), len(codes))
        taught = None if taught is None else self.group.gather(taught, len(codes))
        losses = losses_of(logits, places, labels, weights, rates, targets, taught)
        recipe = self.recipe
        self.optimiser.step(losses.total(recipe.background, recipe.ranking, recipe.placing, recipe.teaching))
        return losses.numbers()
