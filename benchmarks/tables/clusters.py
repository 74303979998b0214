"""Tables of what a genome costs on a cluster, and of how a divided scan scales."""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

from benchmarks.tables.cells import Values, read, table

GENOMES = {
    "one human genome": ("human", 1, 3_100_000_000),
    "10,000 bacteria": ("bacteria", 10_000, 5_000_000),
}
"""Work for a cluster: the model, the genomes, and the bases of each."""
SHARD_BASES = 50_000_000
"""The setting of the workflow."""
HUMAN = 3_100_000_000
WORKERS = (1, 10, 100, 1000)


class Parts(NamedTuple):
    """Seconds of the steps of a divided scan, one after the other."""

    index: float
    start: float
    scan: float
    merge: float


def core_hours_table() -> str:
    """Core-hours of whole genomes, from the speed on a part of one; nothing was measured as a whole."""
    found = read("species_speed")
    rows = []
    for words, (model, count, bases) in GENOMES.items() if found else ():
        jobs = count * ceil(bases / SHARD_BASES)
        hours = count * bases / bases_per_core_hour(found, model) + jobs * core_hours_to_start(found)
        rows.append([words, f"{count * bases / 1e9:.1f} billion", f"{jobs:,}", f"{hours:,.1f}"])
    return table(["genomes", "bases", "jobs", "core-hours"], rows)


def bases_per_core_hour(found: Values, model: str) -> float:
    """Speed of a scan without its start-up."""
    scan = found["scans"][model]
    seconds: float = scan["seconds"] - found["start_seconds"]
    return float(scan["bases"] / seconds * 3600 / found["threads"])


def core_hours_to_start(found: Values) -> float:
    """What the start-up of a job costs."""
    return float(found["start_seconds"] * found["threads"] / 3600)


def divided_table() -> str:
    """Time of a scan by one worker and by two, as measured and as the model says."""
    shards, merging = read("shards"), read("merging")
    rows = []
    for workers, key in ((1, "one_worker_seconds"), (2, "two_workers_seconds")) if shards and merging else ():
        parts = _parts(shards, merging, shards["bases"], workers)
        modelled = parts.start + parts.scan
        rows.append([f"{workers}", _time(shards[key]["clock"]), *map(_time, (parts.start, parts.scan, modelled))])
    bases = f"{shards['bases'] / 1e6:.0f} Mb" if shards else ""
    return table([f"workers, {bases}", "measured", "model: start", "scan", "together"], rows)


def scaling_table() -> str:
    """Time of a human genome by the model; with an index of its own, that step falls away."""
    shards, merging = read("shards"), read("merging")
    rows = []
    for workers in WORKERS if shards and merging else ():
        alone, parts = (_parts(shards, merging, HUMAN, count)._replace(index=0) for count in (1, workers))
        index = _parts(shards, merging, HUMAN, workers).index
        share = sum(alone) / workers / sum(parts)
        steps = map(_time, (index, parts.start, parts.scan, parts.merge, sum(parts) + index, sum(parts)))
        rows.append([f"{workers:,}", *steps, f"{share:.0%}"])
    head = ["workers, 3,100 Mb", "index", "start", "scan", "merge", "in all", "with an index", "use of the cores then"]
    return table(head, rows)


def _parts(shards: Values, merging: Values, bases: int, workers: int) -> Parts:
    """The model: all that the processors of the workers do, in equal shards."""
    start = shards["start_seconds"]["processor"][0]
    each = (shards["one_worker_seconds"]["processor"][0] - start) / shards["bases"]
    few, many = merging["merges"]
    slope = (many["seconds"] - few["seconds"]) / (many["shards"] - few["shards"])
    base = few["seconds"] - slope * few["shards"]
    return Parts(shards["index_seconds_per_gb"] * bases / 1e9, start, each * bases / workers, base + slope * workers)


def _time(value: float) -> str:
    if value < 600:
        return f"{value:.1f} s" if value < 100 else f"{value:.0f} s"
    return f"{value / 3600:.1f} h" if value > 3600 else f"{value / 60:.0f} min"
