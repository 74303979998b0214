"""Tables of species that a model has not learned from, and of models made from few starts."""

from __future__ import annotations

from benchmarks.tables.cells import NONE, Values, read, table
from benchmarks.tables.genomes import percent_of

LISTS = {"100": "100", "300": "300", "1000": "1,000", "all": "all {}"}
BEGINNINGS = ("yeast", "scratch")
RATE = "50"
RATES = ("10", "50", "100")
ASKED = ("50", "100", "200")
KINDS = {"far": "far", "shuffled": "shuffled"}


def few_starts_table() -> str:
    """Recall of models of S. pombe by the length of their list, and of `yeast` as it is."""
    dev = read("few_starts", "pombe").get("dev", {})
    if not dev:
        return table([], [])
    rows = [["none: `yeast` as it is", recall(dev.get("yeast")), NONE]]
    for name, words in LISTS.items():
        runs = [dev.get(f"{name}-{beginning}") for beginning in BEGINNINGS]
        starts = next((run["starts"] for run in runs if run), 0)
        rows.append([words.format(f"{starts:,}"), *map(recall, runs)])
    return table(["TSSs in the list", "begins with `yeast`", "begins with random weights"], rows)


def recall(run: Values | None) -> str:
    """Recall at `RATE` and its standard error; a dash for what was not measured."""
    if run is None:
        return NONE
    point = run["recall"][RATE]
    return f"{point['recall']:.2f} ± {point['error']:.2f}"


def mouse_table() -> str:
    """Recall of `human` on mouse, and what a default scan gives there before and after a calibration."""
    result = read("another_species", "mouse")
    if not result:
        return table([], [])
    points = result["ranked"]["at_fp_per_mb"]
    rows = [[f"the best hits, at {rate} FP/Mb", percent_of(points[rate]), rate] for rate in RATES]
    for kind, words in (
        ("as_it_is", "a default scan with `human`"),
        ("calibrated", "a default scan, calibrated on mouse"),
    ):
        found = result["default"][kind]
        rows.append([words, percent_of(found["all"]), f"{found['fp_per_mb']:.1f}"])
    return table(["", "TSSs found (95%)", "FP/Mb"], rows)


def background_table() -> str:
    """Hits per Mb of bacteria far from every listed start and in shuffled sequence, by the rate that was asked for."""
    rows = []
    for found in read("bacteria_background", "bacteria").get("species", {}).values():
        cells = [f"{found[kind][rate]:.0f}" if rate in found[kind] else NONE for rate in ASKED for kind in KINDS]
        rows.append([f"*{found['species']}*", f"{found['bases'] / 1e3:.0f} kb", *cells])
    head = [f"{rate} FP/Mb, {words}" for rate in ASKED for words in KINDS.values()]
    return table(["species", "scanned", *head], rows)
