"""Teach a screening network what its model finds where, from an exhaustive scan, in minutes on one thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from promscan.inference.engine import Engine
from promscan.inference.estimates import Estimator
from promscan.inference.jobs import Screen, stretches
from promscan.networks.device import use_one_cpu_thread_here
from promscan.networks.screening import ScreeningNetwork, bin_means
from promscan.seq.records import ESTIMATE_STEP, Chunk, Logits, ScoreTrack

Result = TypeVar("Result")

STEPS = 4000
SEGMENTS = 16
"""Segments of a step."""
GROUPS = 40
"""Estimates of a segment."""
LEARNING_RATE = 4e-3
UNDER = 3.0
"""Weight of an estimate that is too low; one that is too high costs time only."""
DEEPEST = 10.0
"""How far below the calling logit differences still matter."""
WEIGHTED = 4.5
"""How far below the calling logit the weight of a group begins to rise; it rises to about 20."""


class Example(NamedTuple):
    """A strand of a chunk.

    sums: of the columns of its cells and of those around them, (groups + 2 * margin, columns).
    best: best logits of its groups, (groups,); NaN where no window was scored.
    """

    sums: Tensor
    best: Tensor


def collect(engine: Engine, estimator: Estimator, chunks: Iterable[Chunk]) -> list[Example]:
    """What can be learned from chunks.

    Args:
        engine: scores every window.
        estimator: of the untrained network.
        chunks: with a margin that is enough for both.
    """
    read = [chunk for chunk in chunks if chunk.windows]
    found = list[Example]()
    for chunk, tracks in zip(read, engine.score(read), strict=True):
        screen = Screen([track.strand for track in tracks], estimator.margin)
        for codes, track in zip(stretches(chunk, screen), tracks, strict=True):
            with torch.inference_mode():
                sums = estimator.sums(codes).cpu().numpy()
            best = best_of_groups(track)[:: 1 if track.strand == "+" else -1].copy()
            found.append(Example(torch.from_numpy(sums), torch.from_numpy(best)))
    return found


def best_of_groups(track: ScoreTrack) -> Logits:
    """The best logit of each group of a track with stride 1; NaN where no window was scored."""
    padded = np.pad(track.logits, (0, -len(track.logits) % ESTIMATE_STEP), constant_values=np.nan)
    groups = np.where(np.isnan(padded), -np.inf, padded).reshape(-1, ESTIMATE_STEP).max(axis=1)
    return np.where(np.isfinite(groups), groups, np.nan).astype(np.float32)


def fit(network: ScreeningNetwork, margin: int, examples: Sequence[Example], calling_logit: float, seed: int) -> None:
    """Train a new network.

    Args:
        network: the network.
        margin: cells on each side of those of an example.
        examples: what it learns from.
        calling_logit: logit that scans call at by default.
        seed: decides the first weights and the order of the examples.
    """
    on_one_thread(lambda: _fit(network.train(), margin, examples, calling_logit, seed))
    network.eval()


def on_one_thread(run: Callable[[], Result]) -> Result:
    """What `run` gives when torch has one thread for it, so that the order of sums does not depend on the machine."""
    with ThreadPoolExecutor(1, "promscan-fit", use_one_cpu_thread_here) as pool:
        return pool.submit(run).result()


def new_network(build: Callable[[], ScreeningNetwork], seed: int) -> ScreeningNetwork:
    """A network with first weights from a seed of its own."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build().eval()


def _fit(network: ScreeningNetwork, margin: int, examples: Sequence[Example], calling_logit: float, seed: int) -> None:
    rng, spare, doublings = np.random.default_rng(seed), margin - network.reach, network.sizes.doublings
    places, chances = _segments(examples, calling_logit)

    def draw(segments: int) -> tuple[Tensor, Tensor]:
        drawn = [places[i] for i in rng.choice(len(places), segments, p=chances)]
        cells = [(example.sums, begin + spare) for example, begin in drawn]
        sums = torch.stack([sums[begin : begin + GROUPS + 2 * network.reach] for sums, begin in cells])
        best = torch.stack([example.best[begin : begin + GROUPS] for example, begin in drawn])
        return bin_means(sums, doublings), best

    network.normalise(draw(min(256, len(places)))[0].flatten(0, 1))
    optimiser = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=STEPS)
    for _ in range(STEPS):
        means, best = draw(SEGMENTS)
        known = torch.isfinite(best)
        estimates, best = network(means[known]), best[known].clamp(min=calling_logit - DEEPEST)
        weights = _weights(best, calling_logit) * torch.where(best > estimates, UNDER, 1.0)
        loss = (weights * F.smooth_l1_loss(estimates, best, reduction="none")).sum() / known.numel()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()


def _segments(examples: Sequence[Example], calling_logit: float) -> tuple[list[tuple[Example, int]], Logits]:
    """Segments, and the chance to draw each of them: half of it is the same for all, half goes by their weights."""
    places, sums = list[tuple[Example, int]](), list[float]()
    for example in examples:
        for begin in range(0, len(example.best) - GROUPS + 1, GROUPS // 2):
            best = example.best[begin : begin + GROUPS]
            known = best[torch.isfinite(best)]
            if len(known):
                places.append((example, begin))
                sums.append(float(_weights(known, calling_logit).sum()))
    chances = np.array(sums) / sum(sums) / 2 + 0.5 / len(sums)
    return places, chances / chances.sum()


def _weights(best: Tensor, calling_logit: float) -> Tensor:
    return 1 + torch.exp((best - calling_logit + WEIGHTED).clamp(max=3))
