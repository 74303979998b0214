"""The table of contigs and the file for MultiQC that come with a summary."""

from __future__ import annotations

import csv
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from genomes import TINY, demo_contigs, random_bases, write_fasta

import promscan
from promscan.io.summaries import summary_paths

ROOT = Path(__file__).parent.parent
CONTIGS = {
    "chr1": demo_contigs()["demo2"][3_400:4_200],
    "short": "ACGT" * 10,
    "unknown": "N" * 300,
    "chr2": random_bases(400, 2) + "N" * 100,
}
COMMON = ["--model", TINY, "--strength", "none", "--device", "cpu", "--quiet"]


@pytest.fixture
def scanned(promscan_cli, tmp_path):
    """A folder with a genome, its hits, and their summary."""
    genome = write_fasta(tmp_path / "genome.fa", CONTIGS)
    outcome = promscan_cli("scan", genome, "-o", tmp_path / "hits.bed", "--summary", tmp_path / "run.json", *COMMON)
    assert outcome.status == 0, outcome.err
    return tmp_path


def rows_of(path):
    with path.open(newline="") as file:
        return {row.pop("contig"): row for row in csv.DictReader(file, delimiter="\t")}


def test_the_table_has_a_row_for_each_contig(scanned):
    rows = rows_of(scanned / "run.contigs.tsv")
    assert list(rows) == list(CONTIGS)
    assert [int(row["bases"]) for row in rows.values()] == [len(bases) for bases in CONTIGS.values()]
    hits = [line.split("\t")[0] for line in (scanned / "hits.bed").read_text().splitlines() if line[0] != "#"]
    assert {contig: int(row["hits"]) for contig, row in rows.items()} == {c: hits.count(c) for c in CONTIGS}
    best = dict.fromkeys(CONTIGS, ".")
    scored = dict.fromkeys(CONTIGS, 0)
    covered = {contig: np.zeros(len(bases), dtype=bool) for contig, bases in CONTIGS.items()}
    for contig, strand, first, scores in promscan.score_genome(CONTIGS, model=TINY, device="cpu"):
        known = scores[~np.isnan(scores)]
        if len(known):
            best[contig] = f"{max(known.max(), float(best[contig]) if best[contig] != '.' else -99):.4f}"
        for start in np.flatnonzero(~np.isnan(scores)) + first - (33 if strand == "+" else 36):
            covered[contig][start : start + 70] = True
        scored[contig] = int(covered[contig].sum())
    assert {contig: int(row["scored"]) for contig, row in rows.items()} == scored
    assert {contig: row["best_logit"] for contig, row in rows.items()} == best
    assert (best["short"], scored["unknown"]) == (".", 0)


def test_the_sums_of_the_table_are_the_numbers_of_the_summary(scanned):
    rows, summary = rows_of(scanned / "run.contigs.tsv"), json.loads((scanned / "run.json").read_text())
    for column, key in (("bases", "bases"), ("scored", "scored_bases"), ("hits", "hits")):
        assert sum(int(row[column]) for row in rows.values()) == summary[key]
    assert summary["contigs"] == len(rows)


@pytest.mark.parametrize(
    ("target", "stem"), [("a/run.json", "a/run"), ("run.json.gz", "run"), ("run.JSON", "run"), ("summary", "summary")]
)
def test_the_tables_are_named_after_the_summary(target, stem):
    assert summary_paths(target) == [target, f"{stem}.contigs.tsv", f"{stem}_mqc.json"]


def test_a_pipe_gets_the_json_alone(promscan_cli, tmp_path):
    genome = write_fasta(tmp_path / "genome.fa", CONTIGS)
    outcome = promscan_cli("scan", genome, "-o", tmp_path / "hits.bed", "--summary", "-", *COMMON)
    assert outcome.status == 0
    assert json.loads(outcome.out)["contigs"] == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["genome.fa", "hits.bed"]


def test_no_table_replaces_what_is_read(promscan_cli, tmp_path):
    genome = write_fasta(tmp_path / "run.contigs.tsv", CONTIGS)
    outcome = promscan_cli("scan", genome, "-o", tmp_path / "x.bed", "--summary", tmp_path / "run.json", *COMMON)
    assert outcome.status == 1
    assert "run.contigs.tsv: is read by this command; name another file" in outcome.err


@pytest.mark.slow
def test_multiqc_shows_the_scans_of_a_folder_in_one_table(promscan_cli, scanned):
    pytest.importorskip("multiqc")
    outcome = promscan_cli(
        "scan", scanned / "genome.fa", "-o", scanned / "more.bed", "--summary", scanned / "more.json",
        "--threshold", "0.5", *COMMON,
    )  # fmt: skip
    assert outcome.status == 0
    command = [sys.executable, "-m", "multiqc", "--no-version-check", "--outdir", "out", "--no-ansi", "."]
    run = subprocess.run(
        command, cwd=scanned, capture_output=True, text=True, check=False, env={**os.environ, "MPLBACKEND": "agg"}
    )
    assert run.returncode == 0, run.stderr
    page = (scanned / "out" / "multiqc_report.html").read_text(encoding="utf-8")
    assert "promscan scan" in page
    table = rows_by(scanned / "out" / "multiqc_data" / "multiqc_promscan_scan_table.txt")
    for sample in ("run", "more"):
        summary = json.loads((scanned / f"{sample}.json").read_text())
        assert int(float(table[sample]["hits"])) == summary["hits"]
        assert int(float(table[sample]["scored_bases"])) == summary["scored_bases"]
        assert f"{summary['hits']:,}" in page
    assert table["more"]["hits"] != table["run"]["hits"]


def rows_by(path):
    with path.open(newline="") as file:
        return {row["Sample"]: row for row in csv.DictReader(file, delimiter="\t")}


def test_a_quote_in_the_name_of_a_gene_hides_no_row_of_the_table_of_classes(tmp_path):
    table = tmp_path / "annotated.tsv"
    table.write_text('name\tgene_name\tclass\nh1\t"5S rRNA\tupstream\nh2\tb"\tupstream\nh3\tc\tintergenic\n')
    script = runpy.run_path(str(ROOT / "workflow/scripts/multiqc_tables.py"))
    assert script["class_counts"](str(table)) == {"upstream": 2, "intergenic": 1}
