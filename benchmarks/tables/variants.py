"""Tables of variants and of what drives scores."""

from __future__ import annotations

from benchmarks.tables.cells import Values, read, table

CLEAR = 0.1
"""Size of a difference that is more than a sign."""


def known_variants_table() -> str:
    """Known variants: what literature and measurements say, and what the model says."""
    rows = []
    for known in read("known_variants", "human").get("variants", []):
        measured = known["measured_log2"]
        rows.append([
            f"{known['gene']} {known['name']}",
            "up" if known["raises"] else "down",
            "–" if measured is None else f"{measured:+.2f}",  # noqa: RUF001 - a dash, not a minus
            f"{known['difference']:+.2f}",
            f"{known['share_below']:.0%}",
            known["hit"],
            _verdict(known),
            known["source"],
        ])  # fmt: skip
    head = ["variant", "literature", "measured log2", "`PROM_DIFF`", "substitutions below", "hit", "right", "source"]
    return table(head, rows)


def _verdict(known: Values) -> str:
    """Whether the model is right: its difference has the right sign, and is large enough to be seen."""
    if not known["right"]:
        return "no"
    return "yes" if abs(known["difference"]) >= CLEAR else "only the sign"


def variant_precision_table() -> str:
    """Share of the variants whose score changes by this much that change expression."""
    rows = [
        [
            f"{float(least):g}",
            f"{found['variants']:,}",
            f"{found['change_expression']:.0%}",
            f"{found['in_this_direction']:.0%}",
            f"{found['by_half_a_log2']:.0%}",
        ]
        for least, found in read("variants", "human").get("by_size", {}).items()
    ]
    head = [
        "`PROM_DIFF` at least",
        "measurements",
        "expression changes",
        "in this direction",
        "by a log2 of 0.5 or more",
    ]
    return table(head, rows)


def motifs_table() -> str:
    """Motifs that recur in what drives scores, by model."""
    rows = []
    for name in ("human", "yeast", "bacteria"):
        result = read("motifs", name)
        for motif in result.get("motifs", []):
            if motif["element"]:
                place = f"{motif['element_offset']} ({motif['from']} to {motif['to']})"
                rows.append([
                    f"`{name}`", motif["element"], motif["consensus"], f"{motif['hits']} of {result['starts']}", place,
                ])  # fmt: skip
    return table(["model", "element", "consensus found", "starts with it", "usual place (80 % of them)"], rows)
