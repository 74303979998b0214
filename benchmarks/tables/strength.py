"""Tables of the strength models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.tables.cells import NONE, read, show, table

MODELS = {
    "yeast-strength": "`yeast-strength`",
    "teacher": "its teacher, DeepAtt",
    "gru": "the original GRU",
    "ridge": "ridge on 4- to 6-mers",
}


def strength_table() -> str:
    """Correlation with measured expression on held-out promoters, of models and baselines."""
    rows = []
    for name, words in MODELS.items():
        sets = read("strength", name).get("sets", {})
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


def ecoli_table() -> str:
    """Correlation of the model of E. coli and of two baselines, by set."""
    rows = []
    for name, found in read("strength", "ecoli-strength").get("sets", {}).items():
        methods = (found, found["promoter_calculator"], found["ridge"])
        cells = (_correlation(each) for each in methods)
        rows.append([name, f"{found['sequences']:,}", f"{found['families']:,}", *cells])
    head = ["set", "promoters", "families", "`ecoli-strength`, r (95 %)", "Promoter Calculator", "ridge on k-mers"]
    return table(head, rows)


def _correlation(found: Mapping[str, Any]) -> str:
    if found["interval95"] is None:
        return f"{found['pearson']:.3f} (too few families)"
    return "{:.3f} ({:.3f} to {:.3f})".format(found["pearson"], *found["interval95"])


def coverage_table(model: str = "yeast-strength") -> str:
    """Share of measurements inside the intervals of promised shares."""
    sets = read("strength", model).get("sets", {})
    shares = list(next(iter(sets.values()))["coverage"]) if sets else []
    rows = [[kind, *(f"{found['coverage'][share]:.1%}" for share in shares)] for kind, found in sets.items()]
    return table(["promoters", *(f"{float(share):.0%}" for share in shares)], rows)


def strength_rate_table() -> str:
    """Speed of `promscan score`."""
    rate = read("strength", "yeast-strength").get("rate", {})
    speed = show("{:,} sequences/s", rate.get("per_second"))
    return table(["what", "measured"], [[f"`promscan score`, {rate.get('threads', NONE)} threads", speed]])


def learning_rate_table() -> str:
    """Training loss of each epoch by learning rate."""
    losses = read("strength_learning_rates").get("losses", {})
    epochs = range(1, 1 + max(map(len, losses.values()), default=0))
    rows = [[rate, *(f"{value:.3g}" for value in values)] for rate, values in losses.items()]
    return table(["peak learning rate", *(f"epoch {epoch}" for epoch in epochs)], rows)


def insert_position_table(model: str = "yeast-strength", step: int = 20) -> str:
    """Contrast of the strengths by the distance of the insert from the start."""
    found = read("insert_position", model).get("ends_before", {})
    rows = [
        [distance, f"{row['contrast']:.2f} ({row['interval95'][0]:.2f} to {row['interval95'][1]:.2f})"]
        for distance, row in found.items()
        if int(distance) % step == 0
    ]
    return table(["bp before the start", "contrast (95 %)"], rows)


def design_table() -> str:
    """Predicted and graded strength of designs by the strength that was asked for."""
    found = read("design_check", "yeast-strength")
    if not found:
        return f"{NONE}\n"
    rows = [
        [f"{row['wanted']:.2f}", str(row["proposals"]), f"{row['predicted']:.2f}",
         f"{row['graded']:.2f} ± {row['graded_sd']:.2f}"]
        for row in found["levels"]
    ]  # fmt: skip
    metrics = found["metrics"]
    rows.append(["all", f"r = {metrics['pearson']:.3f}", "", f"error {metrics['rmse']:.2f}"])
    return table(["asked for", "proposals", "predicted", "graded"], rows)
