"""Tables of time, memory and number formats."""

from __future__ import annotations

from benchmarks.tables.cells import NONE, Values, model_of, read, read_all, show, table

GENOMES = {
    "chrIII": "*S. cerevisiae* chrIII, stride 1",
    "chrIII_exhaustive": "the same, every window scored",
    "human": "human, 2 Mb, stride 10",
    "memory_1Mb": "human, one contig of 1 Mb, stride 100",
    "memory_10Mb": "human, one contig of 10 Mb, stride 100",
}


def precision_table() -> str:
    """Changes of logits and hits by bfloat16."""
    rows = []
    for result in read_all("precision"):
        moved, hits = result["logit_moved_by"], result["hits"]
        rows.append([
            model_of(result), result["device"], *(f"{moved[key]:.3f}" for key in ("mean", "99.9 %", "most")),
            f"{hits['same']:,} of {hits['float32']:,}", f"{hits['near']:,}",
        ])  # fmt: skip
    head = [
        "model", "device", "logit moved by, mean", "99.9 % of the windows by less than", "most", "hits that stay",
        "within 10 bp",
    ]  # fmt: skip
    return table(head, rows)


def engine_table() -> str:
    """Speed and memory of the engines on a CPU."""
    found = read("engines")
    if not found:
        return f"{NONE}\n"
    costs = found["microseconds_a_base_and_strand"]
    rows = [
        ["windowed, one thread", f"{costs['windowed']:.0f} microseconds a base and strand"],
        ["streaming, one thread", f"{costs['streaming']:.1f} microseconds a base and strand"],
        ["the ratio", f"{found['ratio']:.0f}"],
        ["`promscan scan` of one window, from start to end", f"{found['start']['seconds']:.1f} s"],
    ]
    for key in ("scan_1Mb", "scan_10Mb", "scan_60Mb", "human_10Mb"):
        if key in found:
            scan = found[key]
            speed = f"{scan['kb_per_second']:.0f} kb/s, {scan['peak_memory_bytes'] / 1e6:.0f} MB at most"
            model, length = key.replace("Mb", " Mb").split("_")
            models = ", `human` and strengths" if model == "human" else ""
            rows.append([f"`promscan scan` of one contig of {length}{models}, {found['threads']} threads", speed])
    if "host_mb_per_second" in found:
        rows.append(["a scan whose logits are given", f"{found['host_mb_per_second']:.0f} Mb/s"])
    return table(["what", "measured"], rows)


WHOLE_GENOMES = {
    "bacterium": ("bacteria", 5_000_000), "yeast": ("yeast", 12_100_000), "human": ("human", 3_100_000_000),
}  # fmt: skip
"""Genomes that readers have: the model for each, and its bases."""


def cost_table() -> str:
    """What a default scan of a whole genome costs, from the speed on a part of one."""
    found = read("species_speed")
    rows = []
    for genome, (model, bases) in WHOLE_GENOMES.items() if found else ():
        scan = found["scans"][model]
        start = found["start_seconds"]
        seconds = start + bases * (scan["seconds"] - start) / scan["bases"]
        time = f"{seconds:.0f} s" if seconds < 300 else f"{seconds / 3600:.1f} h"
        memory = f"{scan['peak_memory_bytes'] / 1e9:.2f} GB"
        rows.append([genome, f"`{model}`", f"{bases / 1e6:,.0f} Mb", f"{scan['kb_per_second']:.0f} kb/s", time, memory])
    return table(["genome", "model", "size", "speed", "time", "memory"], rows) if rows else f"{NONE}\n"


TARGETS = {
    "default threshold": "a scan of 5 Mb of dev contigs, default threshold, of the time of 38cf804",
    "exhaustive": "the same, `--exhaustive`",
    "100 FP/Mb": "the same at 100 FP/Mb",
    "500-bp contigs to one contig": "200 kb in contigs of 500 bp, of the time of one contig, `--exhaustive`",
    "one window to import torch": "a scan of one window, of the time of `import torch`",
}  # fmt: skip
"""Ratios that a scan has to reach."""


def targets_table() -> str:
    """The time of scans with the weights of 38cf804, as a share of that of its own program."""
    found = read("targets")
    if not found:
        return f"{NONE}\n"
    rows = [[words, f"{found['ratios'][name]:.2f}"] for name, words in TARGETS.items()]
    for name, counts in found["lost"].items():
        rows.append([f"hits that a screened scan lost, {name}", f"{counts['lost']} of {counts['hits']}"])
    rows.append(["memory of these scans, 2 threads", f"{max(found['memory_gb']['new'].values()):.2f} GB"])
    return table(["what", "measured"], rows)


def floor_table() -> str:
    """The least cost of a base."""
    rows = [
        [
            f"`{name}`", f"{floor['operations_in_the_recurrence']:,.0f}", f"{floor['operations_elsewhere']:,.0f}",
            f"{floor['bytes_in']:.1f} and {floor['bytes_out']:.0f}", f"{floor['mb_per_second']:.0f} Mb/s",
        ]
        for name, floor in read("floor").get("a_base", {}).items()
    ]  # fmt: skip
    return table(["model", "operations a base, recurrence", "all others", "bytes a base, in and out", "at most"], rows)


def real_genomes() -> dict[str, Values]:
    """Scans of real genome by model."""
    return {model_of(result): result["scans"] for result in read_all("real_genome")}


def genome_table() -> str:
    """Hits on real genomes, and hits at listed starts."""
    rows = []
    for genome in ("chrIII", "human"):
        for model, scans in real_genomes().items():
            scan = scans.get(genome, {})
            bases, hits = scan.get("bases"), scan.get("hits")
            per_mb = None if bases is None or hits is None else hits / bases * 1e6
            right, found, listed = (scan.get(key) for key in ("hits_at_a_tss", "tss_found", "tss_listed"))
            threshold = scan.get("settings", {}).get("threshold_logit")
            rows.append([
                GENOMES[genome], model, show("{}", threshold), show("{:,}", hits), show("{:,.0f}", per_mb),
                share(right, hits), share(found, listed),
            ])  # fmt: skip
    return table(["genome, both strands", "model", "threshold", "hits", "hits per Mb", "right", "found"], rows)


def share(part: int | None, whole: int | None) -> str:
    """A part of a whole, also in percent."""
    if part is None or whole is None:
        return NONE
    return f"{part:,} of {whole:,} ({part / max(1, whole):.1%})"


def time_table() -> str:
    """Time and memory of scans of real genomes."""
    rows = []
    for model, scans in real_genomes().items():
        for genome, words in GENOMES.items():
            scan = scans.get(genome, {})
            windows, seconds, memory = (scan.get(key) for key in ("windows", "total_seconds", "peak_memory_bytes"))
            rate = None if windows is None or seconds is None else windows / seconds
            megabytes = None if memory is None else memory / 1e6
            rows.append([
                model, words, show("{:,}", windows), show("{:,.0f}", seconds), show("{:,.0f}", rate),
                show("{:,.0f} MB", megabytes),
            ])  # fmt: skip
    return table(["model", "scan, both strands", "windows", "seconds", "windows/s", "peak memory"], rows)


def commands() -> str:
    """The commands of the scans of real genomes."""
    lines = "".join(f"{scan['command']}\n" for scans in real_genomes().values() for scan in scans.values())
    return f"```text\n{lines}```\n"
