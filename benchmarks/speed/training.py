r"""Speed of the training of a network that scans: windows that one core learns from in a second of its own time.

A step reads a batch of random bases and goes all the way: logits, losses, gradients, AdamW, EMA weights. The network
and the batch are those of `promscan train genome`. Time is that of the processor, of the program and of the system for
it, so other programs on the machine disturb little; the median step counts, without the first one.

With a checkout of commit 38cf804, its training of the same network takes turns with this one, on the Python of this
command, with and without the thresholds of the allocator that training sets today.

    git worktree add /tmp/old 38cf804
    python -m benchmarks.speed.training --old-checkout /tmp/old -o benchmarks/results/0.1.0/training_speed.json
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import parser_of, save_result
from promscan.cli.train.allocator import reuse_freed_memory
from promscan.log import Progress
from promscan.seq.tss import KnownStarts, Site
from promscan.train.data.segments import SegmentSampler
from promscan.train.genome_trainer import GenomeRecipe, GenomeTrainer
from promscan.train.loop.distributed import single_process
from promscan.train.loop.session import training_session

CONTIG = 200_000
STARTS = range(5_000, CONTIG, 10_000)
TURNS = 2
TUNED = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1)}
"""What `reuse_freed_memory` sets, for a program that does not."""
OLD = """
import json, sys, time
import numpy as np, torch
from promscan.train.genome import GenomeRecipe, _Trainer
from promscan.train.segments import SegmentSampler
from promscan.train.team import alone
from promscan.tss import KnownStarts, Site

contig, first, every, sizes = json.loads(sys.argv[1])
torch.set_num_threads(1)
contigs = {"random": np.random.default_rng(1).integers(0, 4, contig, dtype=np.uint8)}
starts = KnownStarts(Site("random", tss, "+") for tss in range(first, contig, every))
recipe, steps = GenomeRecipe(**sizes, epochs=1), []

class Clock:
    began = time.process_time()
    def note(self, text): pass
    def advance(self, amount):
        now = time.process_time()
        steps.append(now - self.began)
        self.began = now

_Trainer(recipe, SegmentSampler(contigs, starts, None, recipe.segments), None, alone("cpu"), 1).run_epoch(0, Clock())
print(json.dumps({"windows": recipe.batch_size * recipe.segments.windows, "steps": steps}))
"""
"""The measurement, for the program of commit 38cf804: a file and its steps of processor seconds."""


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
        GenomeTrainer(recipe, sampler, None, group, 1).run_epoch(0, clock)
    return result_of(recipe.batch_size * recipe.segments.windows, clock.steps)


def measure_old(checkout: Path, sizes: Mapping[str, int], environment: Mapping[str, str]) -> dict[str, Any]:
    """The same of the program of commit 38cf804, in a process of its own."""
    settings = json.dumps([CONTIG, STARTS.start, STARTS.step, dict(sizes)])
    process = subprocess.run(
        [sys.executable, "-c", OLD, settings], cwd=checkout, check=True, capture_output=True, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(checkout), **environment},
    )  # fmt: skip
    found = json.loads(process.stdout)
    return result_of(found["windows"], found["steps"])


def result_of(windows: int, steps: Sequence[float]) -> dict[str, Any]:
    """Windows a second, from the seconds of each step."""
    median = float(np.median(steps[1:]))
    seconds = {"fastest": min(steps), "median": median}
    return {"windows_a_step": windows, "seconds_a_step": seconds, "windows_a_second": windows / median}


def faster(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return max(runs, key=lambda run: float(run["windows_a_second"]))


def compare(old: Path, recipe: GenomeRecipe, sizes: Mapping[str, int]) -> dict[str, Any]:
    """The faster of the runs of each program, which take turns, and how many times as fast training is."""
    runs = [(measure(recipe), measure_old(old, sizes, TUNED), measure_old(old, sizes, {})) for _ in range(TURNS)]
    new, tuned, untuned = map(faster, zip(*runs, strict=True))
    times = new["windows_a_second"] / tuned["windows_a_second"]
    return new | {"old": {"tuned allocator": tuned, "as it was": untuned}, "times_as_fast": times}


def main() -> None:
    parser = parser_of(__doc__, "output")
    parser.add_argument("--steps", type=int, default=8, help="Steps of the epoch.  [default: 8]")
    parser.add_argument("--segments", type=int, default=32, help="Segments of a step.  [default: 32]")
    parser.add_argument("--precision", default="float32", help="float32 or bfloat16.  [default: float32]")
    parser.add_argument("--old-checkout", type=Path, help="Checkout of commit 38cf804, to compare with.")
    arguments = parser.parse_args()
    sizes = {"batch_size": arguments.segments, "segments_per_epoch": arguments.steps * arguments.segments}
    reuse_freed_memory()
    recipe = GenomeRecipe(**sizes, epochs=1, precision=arguments.precision)
    old = arguments.old_checkout
    values = measure(recipe) if old is None else compare(old.resolve(), recipe, sizes)
    save_result(arguments.output, {"precision": arguments.precision, **values})


if __name__ == "__main__":
    main()
