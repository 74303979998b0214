"""Speed of the training of a network that scans: windows that one core learns from in a second of its own time.

A step reads a batch of random bases and goes all the way: logits, losses, gradients, AdamW, EMA weights. The network
and the batch are those of `promscan train genome`. Time is that of the processor, of the program and of the system for
it, so other programs on the machine disturb little; the median step counts, without the first one.

    python -m benchmarks.speed.training -o benchmarks/results/0.1.0/training_speed.json
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks.common import parser_of, save_result
from promscan.cli.train.allocator import reuse_freed_memory
from promscan.log import Progress
from promscan.seq.tss import KnownStarts, Site
from promscan.train.data.segments import SegmentSampler
from promscan.train.genome import GenomeRecipe, _Trainer
from promscan.train.loop.distributed import single_process
from promscan.train.loop.session import training_session

CONTIG = 200_000
STARTS = range(5_000, CONTIG, 10_000)


class Clock(Progress):
    """Seconds of processor time of each step, which ends when it is shown as progress."""

    def __init__(self) -> None:
        self.steps, self._began = list[float](), time.process_time()

    def note(self, text: str) -> None:
        """Show nothing."""

    def advance(self, amount: float) -> None:
        now = time.process_time()
        self.steps.append(now - self._began)
        self._began = now


def measure(recipe: GenomeRecipe) -> dict[str, Any]:
    """Windows a second of an epoch of random bases, by its median step."""
    rng = np.random.default_rng(1)
    contigs = {"random": rng.integers(0, 4, CONTIG, dtype=np.uint8)}
    starts = KnownStarts(Site("random", tss, "+") for tss in STARTS)
    sampler, group = SegmentSampler(contigs, starts, None, recipe.segments), single_process("cpu")
    with training_session(1, group.device):
        clock = Clock()
        _Trainer(recipe, sampler, None, group, 1).run_epoch(0, clock)
    windows, median = recipe.batch_size * recipe.segments.windows, float(np.median(clock.steps[1:]))
    return {
        "windows_a_step": windows,
        "seconds_a_step": {"fastest": min(clock.steps), "median": median},
        "windows_a_second": windows / median,
    }


def main() -> None:
    parser = parser_of(__doc__, "output")
    parser.add_argument("--steps", type=int, default=8, help="Steps of the epoch.  [default: 8]")
    parser.add_argument("--segments", type=int, default=32, help="Segments of a step.  [default: 32]")
    parser.add_argument("--precision", default="float32", help="float32 or bfloat16.  [default: float32]")
    arguments = parser.parse_args()
    sizes = {"batch_size": arguments.segments, "segments_per_epoch": arguments.steps * arguments.segments}
    reuse_freed_memory()
    recipe = GenomeRecipe(**sizes, epochs=1, precision=arguments.precision)
    save_result(arguments.output, measure(recipe))


if __name__ == "__main__":
    main()
