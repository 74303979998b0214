"""Put the measured figures of benchmarks/results into the tables of the pages that show them.

A table stands between `<!-- FIGURES NAME: from ... -->` and `<!-- END -->`; what was not measured yet shows as a dash.

    python benchmarks/write_results.py             write the tables
    python benchmarks/write_results.py --check     exit with 1 if one of them is not what was measured
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", *sorted(DOCS.glob("*.md")), *sorted((DOCS / "internals").glob("*.md")))
MODELS = ("promoter-rnn", "core70")
GENOMES = {
    "chrIII": "*S. cerevisiae* chrIII, stride 1",
    "chrIII_exhaustive": "the same, every window scored",
    "human": "human, 2 Mb, stride 10",
    "memory_1Mb": "human, one contig of 1 Mb, stride 100",
    "memory_10Mb": "human, one contig of 10 Mb, stride 100",
}
STRENGTHS = {
    "yeast-strength": "`yeast-strength`",
    "teacher": "its teacher, DeepAtt",
    "gru": "the baseline GRU",
    "ridge": "ridge on 4- to 6-mers",
}
RATES = ("1", "5", "10", "20", "50", "100", "500")
DEV_RATES = ("10", "50", "100", "500")
AT_DEV_RATES = [f"at {rate}" for rate in DEV_RATES]
SCANNERS = {"human": "`human`", "promid": "PromID", "core70": "`core70`"}
SIMPLE = {"cpg": "CpG observed/expected", "kmers": "4-mers, linear"}
JUDGED = (("all", "tolerance_100"), ("within_500", "tolerance_500"))
"""What the judgements at a tolerance of 100 and of 500 bp are called in the results of models and of simple scores."""
NONE = "–"  # noqa: RUF001 - a dash, not a minus
Figures = dict[str, Any]
BLOCK = re.compile(r"(<!-- FIGURES (\w+): from [^>]*-->\n).*?(<!-- END -->)", re.DOTALL)


def read(path: Path) -> Figures:
    return json.loads(path.read_text()) if path.is_file() else {}


def core_promoters(model: str) -> Figures:
    """Figures of the benchmark by set, orientation and overlap."""
    return read(RESULTS / f"core_promoters.{model}.json").get("sets", {})


def real_genomes() -> dict[str, Figures]:
    """Figures of the scans by model."""
    scans = [read(path) for path in sorted(RESULTS.glob("real_genome*.json"))]
    return {next(iter(scan.values()))["settings"]["model"]: scan for scan in scans}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def show(form: str, *values: float | str | None) -> str:
    return NONE if None in values else form.format(*values)


def benchmark_table() -> str:
    rows = []
    for orientation, suffix in (("one_strand", ""), ("both_orientations", ", mean of both orientations")):
        for model in MODELS:
            sets = core_promoters(model)
            for name in ("all", "tata", "notata"):
                for overlap, words in (("whole", ""), ("without_overlap", ", without overlap")):
                    if orientation == "both_orientations" and name != "all":
                        continue
                    figures = sets.get(name, {}).get(orientation, {}).get(overlap, {})
                    low, high = figures.get("interval95", {}).get("mcc", (None, None))
                    cells = [show("{:.3f}", figures.get(key)) for key in ("accuracy", "f1", "auc")]
                    mcc = show("{:.3f} ({:.3f} to {:.3f})", figures.get("mcc"), low, high)
                    windows = show("{:,}", figures.get("sequences"))
                    rows.append([f"`{model}`{suffix}", f"{name}{words}", windows, *cells, mcc])
    return table(["model", "test set", "windows", "accuracy", "F1", "AUC", "MCC (95 %)"], rows)


def strand_table() -> str:
    rows = []
    for model in MODELS:
        figures = read(RESULTS / f"strand.{model}.json")
        low, high = figures.get("interval95", (None, None))
        right = show("{:.1%} ({:.1%} to {:.1%})", figures.get("right_strand"), low, high)
        rows.append([f"`{model}`", show("{:,}", figures.get("promoters")), right])
    return table(["model", "promoters", "right strand (95 %)"], rows)


def recall_table() -> str:
    """Recall by false hits per Mb on the human test contigs, of the model and of simple scores."""
    simple = {words: read(RESULTS / f"baseline.{name}.json") for name, words in SIMPLE.items()}
    return recalls({"`human`": read(RESULTS / "genome_recall.human.json"), **simple})


def yeast_table() -> str:
    """The same of the model on the test contig of yeast."""
    return recalls({"`yeast`": read(RESULTS / "genome_recall.yeast.json")})


def side_by_side_table() -> str:
    """The same of a model and of another scanner on a few of the human test contigs."""
    return recalls({name: read(RESULTS / f"side_by_side.{key}.json") for key, name in SCANNERS.items()})


def recalls(results: Mapping[str, Figures]) -> str:
    rows = []
    for name, result in results.items():
        if not result:
            continue
        near, wide = (result.get(model) or result.get(simple) for model, simple in JUDGED)
        for rate in RATES:
            points = [figures["at_fp_per_mb"][rate] for figures in (near, wide)]
            rows.append([name, rate, *map(recall_of, points), show("{:.2f}", points[0]["precision"])])
    head = ["ranked by", "false hits per Mb", "recall (95 %)", "recall within 500 bp (95 %)", "precision"]
    return table(head, rows)


def recall_of(point: Figures) -> str:
    low, high = point["recall_interval95"]
    return f"{point['recall']:.2f} ({low:.2f} to {high:.2f})"


def calibration_table() -> str:
    """What came of asking a calibrated model for so many false hits per Mb."""
    rows = []
    for path in sorted(RESULTS.glob("genome_recall.*.json")):
        result = read(path)
        for rate, point in result["all"].get("asked", {}).items():
            counts = (point["background_fp_per_mb"], point["fp_per_mb"])
            rows.append([f"`{result['model']}`", rate, *(f"{count:.3g}" for count in counts), f"{point['recall']:.2f}"])
    return table(["model", "asked for", "on background", "on all sequence", "recall"], rows)


def distance_table() -> str:
    """How far the right hits of all, however low, are from their starts."""
    rows = []
    for path in sorted(RESULTS.glob("genome_recall.*.json")):
        result = read(path)
        distance = result["all"]["distance"]
        hits = sum(distance["hits"].values())
        rows.append([f"`{result['model']}`", f"{hits:,}", show("{:.0f} bp", distance["median"])])
    return table(["model", "starts with a hit within 100 bp", "median distance of the best of these"], rows)


def strength_table() -> str:
    """Correlation with measured expression on held-out promoters, of models and baselines."""
    rows = []
    for name, words in STRENGTHS.items():
        sets = read(RESULTS / f"strength.{name}.json").get("sets", {})
        cells = []
        for kind in ("random", "native"):
            found = sets.get(kind, {})
            low, high = found.get("interval95", (None, None))
            cells += [
                show("{:,}", found.get("sequences")),
                show("{:.3f} ({:.3f} to {:.3f})", found.get("pearson"), low, high),
                show("{:.2f}", found.get("rmse")),
            ]
        rows.append([words, *cells])
    head = ["model", "random", "r (95 %)", "error", "native", "r (95 %)", "error"]
    return table(head, rows)


def coverage_table() -> str:
    sets = read(RESULTS / "strength.yeast-strength.json").get("sets", {})
    shares = list(next(iter(sets.values()))["coverage"]) if sets else []
    rows = [[kind, *(f"{found['coverage'][share]:.1%}" for share in shares)] for kind, found in sets.items()]
    return table(["promoters", *(f"{float(share):.0%}" for share in shares)], rows) if sets else f"{NONE}\n"


def strength_rate_table() -> str:
    rate = read(RESULTS / "strength.yeast-strength.json").get("rate", {})
    speed = show("{:,} sequences/s", rate.get("per_second"))
    return table(["what", "measured"], [[f"`promscan score`, {rate.get('threads', NONE)} threads", speed]])


def learning_rate_table() -> str:
    losses = read(RESULTS / "strength_learning_rates.json").get("losses", {})
    if not losses:
        return f"{NONE}\n"
    epochs = range(1, len(next(iter(losses.values()))) + 1)
    rows = [[rate, *(f"{value:.3g}" for value in values)] for rate, values in losses.items()]
    return table(["peak learning rate", *(f"epoch {epoch}" for epoch in epochs)], rows)


def insert_position_table() -> str:
    found = read(RESULTS / "insert_position.yeast-strength.json").get("ends_before", {})
    rows = [
        [distance, f"{row['contrast']:.2f} ({row['interval95'][0]:.2f} to {row['interval95'][1]:.2f})"]
        for distance, row in found.items()
        if int(distance) % 20 == 0
    ]
    return table(["bp before the start", "contrast (95 %)"], rows) if found else f"{NONE}\n"


def design_table() -> str:
    found = read(RESULTS / "design_check.yeast-strength.json")
    if not found:
        return f"{NONE}\n"
    rows = [
        [f"{row['wanted']:.2f}", str(row["proposals"]), f"{row['predicted']:.2f}",
         f"{row['graded']:.2f} ± {row['graded_sd']:.2f}"]
        for row in found["levels"]
    ]  # fmt: skip
    figures = found["figures"]
    rows.append(["all", f"r = {figures['pearson']:.3f}", "", f"error {figures['rmse']:.2f}"])
    return table(["asked for", "proposals", "predicted", "graded"], rows)


def false_calls_table() -> str:
    results = [read(path) for path in sorted(RESULTS.glob("false_calls.*.json"))]
    kinds = list(dict.fromkeys(kind for result in results for kind in result["kinds"]))
    rows = [[kind, *(str(result["kinds"][kind]) for result in results)] for kind in kinds]
    return table(["what it is", *(f"`{result['model']}`" for result in results)], rows)


def precision_table() -> str:
    rows = []
    for path in sorted(RESULTS.glob("precision.*.json")):
        result = read(path)
        moved, hits = result["logit_moved_by"], result["hits"]
        rows.append([
            f"`{result['model']}`", result["device"], *(f"{moved[key]:.3f}" for key in ("mean", "99.9 %", "most")),
            f"{hits['same']:,} of {hits['float32']:,}", f"{hits['near']:,}",
        ])  # fmt: skip
    head = [
        "model", "device", "logit moved by, mean", "99.9 % of the windows by less than", "most", "hits that stay",
        "within 10 bp",
    ]  # fmt: skip
    return table(head, rows)


def calling_table() -> str:
    """Recall on dev by how hits are called; the setting in the card is bold."""
    rows = []
    for result in map(read, sorted(RESULTS.glob("calling.*.json"))):
        for row in result["grid"]:
            setting = {key: row[key] for key in ("min_distance", "smoothing")}
            smoothed = NONE if row["smoothing"] == 1 else f"{row['smoothing']} bp"
            cells = [str(row["min_distance"]), smoothed, *recalls_of(row)]
            chosen = setting == result["card"]
            rows.append([f"`{result['model']}`", *(f"**{cell}**" if chosen else cell for cell in cells)])
    return table(["model", "`--min-distance`", "smoothed over", *AT_DEV_RATES], rows)


def places_table() -> str:
    """Recall on dev by how far a hit may be from a start, and on which strand."""
    rows = [
        [f"`{result['model']}`", f"within {row['tolerance']} bp, {row['strand']} strand", *recalls_of(row)]
        for result in map(read, sorted(RESULTS.glob("calling.*.json")))
        for row in result["places"]
    ]
    return table(["model", "a start is found by a hit", *AT_DEV_RATES], rows)


def recalls_of(row: Figures) -> list[str]:
    return [f"{row['recall'][rate]:.2f}" for rate in DEV_RATES]


def engine_table() -> str:
    figures = read(RESULTS / "engines.json")
    if not figures:
        return f"{NONE}\n"
    costs = figures["microseconds_a_base_and_strand"]
    scans = {key: figures[key] for key in ("scan_1Mb", "scan_10Mb", "scan_60Mb", "human_10Mb") if key in figures}
    rows = [
        ["windowed, one thread", f"{costs['windowed']:.0f} microseconds a base and strand"],
        ["streaming, one thread", f"{costs['streaming']:.1f} microseconds a base and strand"],
        ["the ratio", f"{figures['ratio']:.0f}"],
        ["`promscan scan` of one window, from start to end", f"{figures['start']['seconds']:.1f} s"],
    ]
    for key, scan in scans.items():
        speed = f"{scan['kb_per_second']:.0f} kb/s, {scan['peak_memory_bytes'] / 1e6:.0f} MB at most"
        model, length = key.replace("Mb", " Mb").split("_")
        models = ", `human` and strengths" if model == "human" else ""
        rows.append([f"`promscan scan` of one contig of {length}{models}, {figures['threads']} threads", speed])
    if "host_mb_per_second" in figures:
        rows.append(["a scan whose logits are given", f"{figures['host_mb_per_second']:.0f} Mb/s"])
    return table(["what", "measured"], rows)


def floor_table() -> str:
    rows = [
        [
            f"`{name}`", f"{floor['operations_in_the_recurrence']:,.0f}", f"{floor['operations_elsewhere']:,.0f}",
            f"{floor['bytes_in']:.1f} and {floor['bytes_out']:.0f}", f"{floor['mb_per_second']:.0f} Mb/s",
        ]
        for name, floor in read(RESULTS / "floor.json").get("a_base", {}).items()
    ]  # fmt: skip
    return table(["model", "operations a base, recurrence", "all others", "bytes a base, in and out", "at most"], rows)


def genome_table() -> str:
    rows = []
    for genome in ("chrIII", "human"):
        for model in real_genomes():
            scan = real_genomes()[model].get(genome, {})
            bases, hits = scan.get("bases"), scan.get("hits")
            per_mb = None if bases is None or hits is None else hits / bases * 1e6
            right, found, listed = (scan.get(key) for key in ("hits_at_a_tss", "tss_found", "tss_listed"))
            threshold = scan.get("settings", {}).get("threshold_logit")
            rows.append([
                GENOMES[genome], f"`{model}`", show("{}", threshold), show("{:,}", hits), show("{:,.0f}", per_mb),
                share(right, hits), share(found, listed),
            ])  # fmt: skip
    return table(["genome, both strands", "model", "threshold", "hits", "hits per Mb", "right", "found"], rows)


def share(part: int | None, whole: int | None) -> str:
    if part is None or whole is None:
        return NONE
    return f"{part:,} of {whole:,} ({part / max(1, whole):.1%})"


def time_table() -> str:
    rows = []
    for model in real_genomes():
        for genome, words in GENOMES.items():
            scan = real_genomes()[model].get(genome, {})
            windows, seconds, memory = (scan.get(key) for key in ("windows", "total_seconds", "peak_memory_bytes"))
            rate = None if windows is None or seconds is None else windows / seconds
            megabytes = None if memory is None else memory / 1e6
            rows.append([
                f"`{model}`", words, show("{:,}", windows), show("{:,.0f}", seconds), show("{:,.0f}", rate),
                show("{:,.0f} MB", megabytes),
            ])  # fmt: skip
    return table(["model", "scan, both strands", "windows", "seconds", "windows/s", "peak memory"], rows)


def screening_table() -> str:
    """What screened scans found and took, by what they called at, beside those that scored every window."""
    rows = []
    for path in sorted(RESULTS.glob("screening.*.json")):
        result = read(path)
        for name, scan in result["called_at"].items():
            seconds = f"{scan['seconds']:.0f} of {result['exhaustive_seconds']:.0f}"
            counts = (str(scan[key]) for key in ("hits", "lost", "other"))
            rows.append([name, f"{scan['logit']:.2f}", f"{scan['share']:.1%}", *counts, seconds])
        for stride, scan in result["strides"].items():
            seconds = f"{scan['seconds']:.0f} of {scan['exhaustive_seconds']:.0f}"
            rows.append([f"default threshold, stride {stride}", *[NONE] * 5, seconds])
    return table(["called at", "logit", "to be scored", "hits", "lost", "other", "seconds"], rows)


def commands() -> str:
    scans = [scan for by_genome in real_genomes().values() for scan in by_genome.values()]
    lines = "".join(f"{scan['command']}\n" for scan in scans)
    return f"```text\n{lines}```\n"


def headline_table() -> str:
    """The models that scan, at the threshold of a default scan, on test contigs."""
    rows = []
    for model, genome in (("human", "human chr10 and chr16"), ("yeast", "*S. cerevisiae* chrX")):
        result = read(RESULTS / f"genome_recall.{model}.json")
        if not result:
            continue
        near, wide = (result[judged]["asked"]["10"] for judged in ("all", "within_500"))
        rows.append([
            f"`{model}`", f"{genome}, {result['all']['bases'] / 1e6:.2g} Mb, {result['all']['tss']} TSSs",
            f"{near['recall']:.0%}", f"{wide['recall']:.0%}", f"{near['precision']:.0%}", f"{near['fp_per_mb']:.1f}",
        ])  # fmt: skip
    head = ["model", "test sequence", "TSSs found within 100 bp", "within 500 bp", "precision", "FP/Mb"]
    return table(head, rows)


def promid_table() -> str:
    """Recall of `human` and of PromID on the same contigs, by false positives per Mb."""
    results = [read(RESULTS / f"side_by_side.{name}.json") for name in ("human", "promid")]
    rows = []
    for rate in RATES[1:-1] if all(results) else ():
        points = [result["tolerance_100"]["at_fp_per_mb"][rate] for result in results]
        rows.append([rate, *map(recall_of, points)])
    return table(["FP/Mb", "recall of `human` (95%)", "recall of PromID (95%)"], rows)


def threshold_table() -> str:
    """What each rate gave on the human test contigs."""
    result = read(RESULTS / "genome_recall.human.json").get("all", {})
    rows = []
    for rate, point in result.get("asked", {}).items():
        per_mb = point["hits"] / result["bases"] * 1e6
        cells = (f"{point['recall']:.0%}", f"{point['precision']:.0%}", f"{per_mb:.0f}", f"{point['fp_per_mb']:.1f}")
        rows.append([f"`--fp-per-mb {rate}`", *cells])
    return table(["option", "TSSs found", "precision", "hits per Mb", "measured FP/Mb"], rows)


TABLES: dict[str, Callable[[], str]] = {
    "benchmark": benchmark_table,
    "strand": strand_table,
    "recall": recall_table,
    "side_by_side": side_by_side_table,
    "yeast": yeast_table,
    "distance": distance_table,
    "strength": strength_table,
    "coverage": coverage_table,
    "strength_rate": strength_rate_table,
    "learning_rates": learning_rate_table,
    "insert_position": insert_position_table,
    "design_check": design_table,
    "calibration": calibration_table,
    "engines": engine_table,
    "floor": floor_table,
    "false_calls": false_calls_table,
    "precision": precision_table,
    "calling": calling_table,
    "places": places_table,
    "genome": genome_table,
    "time": time_table,
    "screening": screening_table,
    "commands": commands,
    "headline": headline_table,
    "promid": promid_table,
    "threshold": threshold_table,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        fresh = BLOCK.sub(lambda match: f"{match[1]}\n{TABLES[match[2]]()}\n{match[3]}", text)
        if arguments.check and fresh != text:
            raise SystemExit(
                f"{page.name} shows other figures than benchmarks/results: run benchmarks/write_results.py"
            )
        if fresh != text:
            page.write_text(fresh, encoding="utf-8")


if __name__ == "__main__":
    main()
