"""Tables of the classifiers of windows."""

from __future__ import annotations

from benchmarks.tables.cells import NONE, Values, read, read_all, show, table

CLASSIFIERS = ("promoter-rnn", "core70")


def benchmark_sets(model: str) -> Values:
    """Metrics on the core promoter benchmark by set, orientation and overlap."""
    sets: Values = read("core_promoters", model).get("sets", {})
    return sets


def benchmark_table() -> str:
    """Metrics of the classifiers on the core promoter benchmark."""
    rows = []
    for orientation, suffix in (("one_strand", ""), ("both_orientations", ", mean of both orientations")):
        for model in CLASSIFIERS:
            for name in ("all", "tata", "notata") if orientation == "one_strand" else ("all",):
                for overlap, words in (("whole", ""), ("without_overlap", ", without overlap")):
                    found = benchmark_sets(model).get(name, {}).get(orientation, {}).get(overlap, {})
                    low, high = found.get("interval95", {}).get("mcc", (None, None))
                    cells = [show("{:.3f}", found.get(key)) for key in ("accuracy", "f1", "auc")]
                    mcc = show("{:.3f} ({:.3f} to {:.3f})", found.get("mcc"), low, high)
                    windows = show("{:,}", found.get("sequences"))
                    rows.append([f"`{model}`{suffix}", f"{name}{words}", windows, *cells, mcc])
    return table(["model", "test set", "windows", "accuracy", "F1", "AUC", "MCC (95 %)"], rows)


def strand_table() -> str:
    """Share of promoters on whose strand the logit is higher."""
    rows = []
    for model in CLASSIFIERS:
        found = read("strand", model)
        low, high = found.get("interval95", (None, None))
        right = show("{:.1%} ({:.1%} to {:.1%})", found.get("right_strand"), low, high)
        rows.append([f"`{model}`", show("{:,}", found.get("promoters")), right])
    return table(["model", "promoters", "right strand (95 %)"], rows)


def screening_table() -> str:
    """Hits and seconds of screened scans, compared with scans that score every window."""
    rows = []
    for result in read_all("screening"):
        for name, scan in result["called_at"].items():
            seconds = f"{scan['seconds']:.0f} of {result['exhaustive_seconds']:.0f}"
            counts = (str(scan[key]) for key in ("hits", "lost", "other"))
            rows.append([name, f"{scan['logit']:.2f}", f"{scan['share']:.1%}", *counts, seconds])
        for stride, scan in result["strides"].items():
            seconds = f"{scan['seconds']:.0f} of {scan['exhaustive_seconds']:.0f}"
            rows.append([f"default threshold, stride {stride}", *[NONE] * 5, seconds])
    return table(["called at", "logit", "to be scored", "hits", "lost", "other", "seconds"], rows)
