"""Tables of the models that scan genomes."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.tables.cells import NONE, Values, model_of, read, read_all, show, table

RATES = ("1", "5", "10", "20", "50", "100", "500")
DEV_RATES = ("10", "50", "100", "500")
AT_DEV_RATES = [f"at {rate}" for rate in DEV_RATES]
SCANNERS = {"human": "`human`", "promid": "PromID", "core70": "`core70`"}
SHOWN_BACTERIA = ("NC_000913.3:0-2320826", "LR031521.1:0-938725", "NC_002163.1", "NC_000915.1")
TEST_SEQUENCE = {
    "human": ("human chr10 and chr16", "10"), "yeast": ("*S. cerevisiae* chrX", "10"),
    "pombe": ("*S. pombe* II, second 900 kb", "50"),
}  # fmt: skip
"""What each model is tested on, and the false positives per Mb at its default threshold."""
SIMPLE_SCORES = {"cpg": "CpG observed/expected", "kmers": "4-mers, linear"}
JUDGEMENTS = (("all", "tolerance_100"), ("within_500", "tolerance_500"))
"""Keys of the judgements at a tolerance of 100 and of 500 bp: in results of models, and in those of other scores."""


def judgements(result: Values) -> list[Values]:
    """The points by false positives per Mb at a tolerance of 100 bp and of 500 bp."""
    return [next(result[key] for key in keys if key in result)["at_fp_per_mb"] for keys in JUDGEMENTS]


def recall_table() -> str:
    """Recall by false positives per Mb on the human test contigs, of the model and of simple scores."""
    simple = {words: read("baseline", name) for name, words in SIMPLE_SCORES.items()}
    return recalls({"`human`": read("genome_recall", "human"), **simple})


def yeast_table() -> str:
    """Recall by false positives per Mb on the test sequence of the two yeasts."""
    return recalls({f"`{name}`": read("genome_recall", name) for name in ("yeast", "pombe")})


def side_by_side_table() -> str:
    """Recall by false positives per Mb of our models and of PromID, on human test contigs that were drawn at random."""
    return recalls({words: read("side_by_side", name) for name, words in SCANNERS.items()})


def recalls(results: Mapping[str, Values]) -> str:
    """Recall and precision by false positives per Mb."""
    rows = []
    for name, result in results.items():
        if result:
            near, wide = judgements(result)
            for rate in RATES:
                cells = [recall_of(near[rate]), recall_of(wide[rate]), show("{:.2f}", near[rate]["precision"])]
                rows.append([name, rate, *cells])
    head = ["ranked by", "false positives per Mb", "recall (95 %)", "recall within 500 bp (95 %)", "precision"]
    return table(head, rows)


def recall_of(point: Values) -> str:
    low, high = point["recall_interval95"]
    return f"{point['recall']:.2f} ({low:.2f} to {high:.2f})"


def calibration_table() -> str:
    """False positives per Mb at the thresholds of the calibration."""
    rows = []
    for result in read_all("genome_recall"):
        for rate, point in result["all"].get("asked", {}).items():
            counts = (point["background_fp_per_mb"], point["fp_per_mb"])
            rows.append([model_of(result), rate, *(f"{count:.3g}" for count in counts), f"{point['recall']:.2f}"])
    return table(["model", "asked for", "on background", "on all sequence", "recall"], rows)


def distance_table() -> str:
    """Distance of the right hits, with no threshold, from their starts."""
    rows = []
    for result in read_all("genome_recall"):
        distance = result["all"]["distance"]
        hits = sum(distance["hits"].values())
        rows.append([model_of(result), f"{hits:,}", show("{:.0f} bp", distance["median"])])
    return table(["model", "starts with a hit within 100 bp", "median distance of the best of these"], rows)


def false_calls_table() -> str:
    """Kinds of the best false hits."""
    results = read_all("false_calls")
    kinds = list(dict.fromkeys(kind for result in results for kind in result["kinds"]))
    rows = [[kind, *(str(result["kinds"][kind]) for result in results)] for kind in kinds]
    return table(["what it is", *map(model_of, results)], rows)


def calling_table() -> str:
    """Recall on dev by how hits are called; the setting in the card is bold."""
    rows = []
    for result in read_all("calling"):
        for row in result["grid"]:
            setting = {key: row[key] for key in ("min_distance", "smoothing")}
            smoothed = NONE if row["smoothing"] == 1 else f"{row['smoothing']} bp"
            cells = [str(row["min_distance"]), smoothed, *recalls_of(row)]
            chosen = setting == result["card"]
            rows.append([model_of(result), *(f"**{cell}**" if chosen else cell for cell in cells)])
    return table(["model", "`--min-distance`", "smoothed over", *AT_DEV_RATES], rows)


def places_table() -> str:
    """Recall on dev by the tolerance, and by whether strands must agree."""
    rows = [
        [model_of(result), f"within {row['tolerance']} bp, {row['strand']} strand", *recalls_of(row)]
        for result in read_all("calling")
        for row in result["places"]
    ]
    return table(["model", "a start is found by a hit", *AT_DEV_RATES], rows)


def recalls_of(row: Values) -> list[str]:
    return [f"{row['recall'][rate]:.2f}" for rate in DEV_RATES]


def headline_table() -> str:
    """The models that scan, at the threshold of a default scan, on test contigs."""
    rows = []
    for model, (genome, rate) in TEST_SEQUENCE.items():
        result = read("genome_recall", model)
        if not result:
            continue
        near, wide = (result[judged]["asked"][rate] for judged in ("all", "within_500"))
        main = result["default"].get("main") if "alternative" in result["default"] else None
        rows.append([
            f"`{model}`", f"{genome}, {result['all']['bases'] / 1e6:.2g} Mb, {result['all']['tss']} TSSs",
            f"{near['recall']:.0%}", f"{main['recall']:.0%}" if main else NONE, f"{wide['recall']:.0%}",
            f"{near['precision']:.0%}", f"{near['fp_per_mb']:.1f}",
        ])  # fmt: skip
    mouse = read("another_species", "mouse")
    if mouse:
        ranked, found = mouse["ranked"], mouse["default"]["as_it_is"]
        rows.append([
            "`human`", f"mouse, random windows, {ranked['bases'] / 1e6:.2g} Mb, {ranked['tss']} TSSs",
            percent_of(found["all"]), percent_of(found["main"]), f"{found['within_500']:.0%}",
            f"{found['precision']:.0%}", f"{found['fp_per_mb']:.1f}",
        ])  # fmt: skip
    head = [
        "model",
        "test sequence",
        "TSSs found within 100 bp",
        "main TSSs",
        "all within 500 bp",
        "precision",
        "FP/Mb",
    ]
    return table(head, rows)


def percent_of(found: Values) -> str:
    """Recall in percent, with its 95 % interval."""
    low, high = found["recall_interval95"]
    return f"{found['recall']:.0%} ({low:.0%} to {high:.0%})"


def bacteria_table() -> str:
    """Recall of `bacteria` and of a matrix for each species of its data, by false positives per Mb."""
    rows = []
    for found in read("bacteria", "bacteria").get("species", {}).values():
        points = (found[kind][rate]["recall"] for rate in ("50", "100", "200") for kind in ("model", "matrix"))
        row = [f"*{found['species']}*", str(found["tss"]), *(f"{recall:.2f}" for recall in points)]
        rows.append([*row, show("{:.0f} bp", found["model"]["200"]["median_distance"])])
    rates = [f"{rate} FP/Mb, {name}" for rate in (50, 100, 200) for name in ("`bacteria`", "matrix")]
    return table(["species", "TSSs", *rates, "median distance"], rows)


def left_out_table() -> str:
    """Recall on bacteria of a genus that a training left out, and of the same training on all genera."""
    left_out, rows = read("left_out_genera").get("left_out", {}), []
    for genus, contigs in left_out.items():
        for contig, found in contigs.items() if genus != "none" else ():
            judgements = found["test"], left_out["none"][contig]["test"], found["all"]
            recalls = (f"{each['points'][rate]['recall']:.2f}" for rate in ("50", "100", "200") for each in judgements)
            rows.append([f"*{genus}*", f"`{contig.partition(':')[0]}`", f"{found['all']['tss']:,}", *recalls])
    kinds = ("left out", "learned", "left out, whole genome")
    return table(
        ["genus", "genome", "TSSs", *(f"{rate} FP/Mb, {kind}" for rate in (50, 100, 200) for kind in kinds)], rows
    )


def short_bacteria_table() -> str:
    """Recall and precision of `bacteria` and of a matrix for four species at 100 FP/Mb."""
    measured, rows = read("bacteria", "bacteria").get("species", {}), []
    for name in SHOWN_BACTERIA:
        if name in measured:
            found = measured[name]
            model, matrix = (found[kind]["100"] for kind in ("model", "matrix"))
            cells = [f"{model['recall']:.0%}", f"{model['precision']:.0%}", f"{matrix['recall']:.0%}"]
            rows.append([f"*{found['species']}*", str(found["tss"]), *cells])
    return table(["species", "TSSs", "found by `bacteria`", "precision", "found by a -35/-10 matrix"], rows)


def promid_table() -> str:
    """Recall of `human` and of PromID on the same contigs, by false positives per Mb."""
    results = [read("side_by_side", name) for name in ("human", "promid")]
    rows = []
    for rate in RATES[1:-1] if all(results) else ():
        rows.append([rate, *(recall_of(result["tolerance_100"]["at_fp_per_mb"][rate]) for result in results)])
    return table(["FP/Mb", "recall of `human` (95%)", "recall of PromID (95%)"], rows)


def threshold_table() -> str:
    """What each rate gave on the human test contigs."""
    result = read("genome_recall", "human").get("all", {})
    rows = []
    for rate, point in result.get("asked", {}).items():
        per_mb = point["hits"] / result["bases"] * 1e6
        cells = (f"{point['recall']:.0%}", f"{point['precision']:.0%}", f"{per_mb:.0f}", f"{point['fp_per_mb']:.1f}")
        rows.append([f"`--fp-per-mb {rate}`", *cells])
    return table(["option", "TSSs found", "precision", "hits per Mb", "measured FP/Mb"], rows)
