"""The training of `human` in the time that is left: how it is asked for, how long it may take, what is saved of it."""

from __future__ import annotations

import csv
import json
import sys
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parts import Parts, write_json

SHARE_TO_FILL = 0.87
"""The share of the remaining time that the training fills: the last epochs anneal and must not be cut off."""
SAVED = (
    "last.safetensors", "last.json", "best.safetensors", "best.json", "config.json", "metrics.tsv", "state.safetensors",
)  # fmt: skip
"""What of a run folder comes back."""
LARGEST = 15 * 2**20
"""Bytes of all of it, at most; the state to resume from is left out first."""
RAMPAGE_RPM = 10.0
"""Starts of RAMPAGE are learned from if a sample has this many reads per million."""
RAMPAGE_APART = 100
"""bp that they must be from each listed start of their strand, which is else taken for the same."""


@dataclass(frozen=True)
class Sizes:
    """How a device trains.

    batch: segments a step; a GPU needs many, as each step of the recurrence is a launch of its own.
    epoch_seconds: how often the recall on dev is wanted.
    epochs: at most.
    probe_steps: steps an epoch of the short training that shows how fast the device is.
    options: everything else, as `promscan train genome` takes it.
    """

    batch: int
    epoch_seconds: float
    epochs: int
    probe_steps: int
    dev_bases: int
    mining_bases: int
    options: tuple[str, ...] = ()


FULL = Sizes(256, 60.0, 100, 20, 3_000_000, 3_000_000, ("--learning-rate", "3e-3"))
SMALL = Sizes(4, 0.5, 2, 3, 30_000, 30_000, ("--windows", "64"))
SMALL_NETWORK = ("--hidden", "8", "--composition", "100", "--context", "4", "--context-bins", "40,80")


def merged_starts(listed: Path, rampage: Path | None, held_out: Sequence[str], out: Path) -> int:
    """Write the listed starts, with those of RAMPAGE on the contigs to train on that are not among them.

    The lists of dev and test stay as they are, so that their recall can be compared with that of other trainings.

    Returns:
        how many were added.
    """
    rows = [line.split("\t") for line in listed.read_text().splitlines()]
    near: dict[tuple[str, str, int], list[int]] = {}
    for chrom, start, _, _, _, strand, *_ in rows:
        near.setdefault((chrom, strand, int(start) // RAMPAGE_APART), []).append(int(start))
    added = []
    for line in rampage.read_text().splitlines() if rampage is not None and rampage.is_file() else ():
        chrom, start, end, name, rpm, strand, *_ = line.split("\t")
        box = int(start) // RAMPAGE_APART
        close = (tss for at in (box - 1, box, box + 1) for tss in near.get((chrom, strand, at), ()))
        known = any(abs(tss - int(start)) <= RAMPAGE_APART for tss in close)
        if chrom.partition(":")[0] not in held_out and float(rpm) >= RAMPAGE_RPM and not known:
            added.append([chrom, start, end, name, "0", strand])
    out.write_text("".join("\t".join(row) + "\n" for row in rows + added))
    return len(added)


@dataclass(frozen=True)
class Task:
    """What is trained, and where.

    data: folder that `unpack.py` filled.
    manifest: of the packed data.
    sizes: how large everything is.
    device: `cuda` or `cpu`.
    """

    data: Path
    manifest: Mapping[str, Any]
    sizes: Sizes
    device: str

    def command(self, run: Path, *, epochs: int, steps: int) -> list[str]:
        """The command line of a training, by its epochs and the steps of each."""
        data, manifest, sizes = self.data, self.manifest, self.sizes
        words = [sys.executable, "-m", "promscan", "train", "genome", f"{data}/genome.fa", f"{data}/starts.bed"]
        words += ["--dev", ",".join(manifest["dev"]), "--leave-out", ",".join(manifest["leave_out"]), "-o", str(run)]
        words += [
            "--species",
            "Homo sapiens",
            "--device",
            self.device,
            "--batch-size",
            str(sizes.batch),
            "--epochs",
            str(epochs),
        ]
        words += ["--segments-per-epoch", str(steps * sizes.batch), "--dev-bases", str(sizes.dev_bases)]
        words += ["--mining-bases", str(sizes.mining_bases), *sizes.options]
        if (promoters := data / "promoters.tsv.gz").is_file():
            words += ["--positives", str(promoters), "--positives-tss", str(manifest["tss_index"])]
            words += [word for file in sorted(data.glob("drop_*.txt")) for word in ("--drop", str(file))]
        if (checkpoint := data / "checkpoint" / "last.safetensors").is_file():
            # Whoever packed it chose it; the card of the result says so if it may have seen the dev contigs.
            words += ["--init", str(checkpoint), "--allow-seen"]
        elif sizes is SMALL:
            words += SMALL_NETWORK
        return words


def train(parts: Parts, task: Task) -> None:
    """A short training to see how fast the device is, then one of as many epochs as there is time for."""
    probe, run, sizes = parts.work / "probe", parts.work / "run", task.sizes
    parts.run("training: speed", task.command(probe, epochs=2, steps=sizes.probe_steps), parts.left / 3)
    seconds = sizes.epoch_seconds / sizes.probe_steps
    if rows := history(probe):
        seconds = float(rows[-1]["seconds"]) / sizes.probe_steps  # the second epoch: the first one builds kernels
    steps, epochs = fitted(seconds, sizes, parts.left)
    command = task.command(run, epochs=epochs, steps=steps)
    plan = {"seconds_a_step": seconds, "steps_an_epoch": steps, "epochs": epochs, "command": command[1:]}
    parts.run("training", command, parts.left, Saver(run, parts.out, plan))


def fitted(seconds_a_step: float, sizes: Sizes, left: float) -> tuple[int, int]:
    """Steps an epoch and epochs that fit into the seconds left, with some of them to spare for the start."""
    steps = max(1, int(sizes.epoch_seconds / seconds_a_step))
    return steps, min(sizes.epochs, max(1, int(SHARE_TO_FILL * left / (steps * seconds_a_step))))


def history(run: Path) -> list[dict[str, str]]:
    """The rows of the metrics of a run so far."""
    path = run / "metrics.tsv"
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


class Saver:
    """Saves a run folder whenever an epoch is done: `training.json` and `training.tar`.

    A run folder is moved into place file by file, so what is saved may be of two epochs for a moment; the call after
    the training sees them all.
    """

    def __init__(self, run: Path, out: Path, plan: Mapping[str, Any]) -> None:
        self.run, self.out, self.plan, self._seen = run, out, plan, 0
        write_json(out / "training.json", {**plan, "epochs_done": []})

    def __call__(self) -> None:
        state = self.run / "state.safetensors"  # the last file that an epoch writes
        if not state.is_file() or state.stat().st_mtime_ns == self._seen:
            return
        self._seen = state.stat().st_mtime_ns
        rows = [{name: float(value) for name, value in row.items()} for row in history(self.run)]
        write_json(self.out / "training.json", {**self.plan, "epochs_done": rows, "card": self._card()})
        self._archive()

    def _card(self) -> Any:
        card = self.run / "best.json"
        return json.loads(card.read_text()) if card.is_file() else None

    def _archive(self) -> None:
        files = [path for name in SAVED if (path := self.run / name).is_file()]
        if sum(path.stat().st_size for path in files) > LARGEST:
            files.remove(self.run / "state.safetensors")
        new = self.out / "training.tar.new"
        with tarfile.open(new, "w") as archive:
            for path in files:
                archive.add(path, f"run/{path.name}", recursive=False)
        new.replace(self.out / "training.tar")
