"""`promscan report`: one HTML file with the right numbers, whatever the names in the files are."""

from __future__ import annotations

import base64
import configparser
import dataclasses
import hashlib
import importlib.util
import io
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from genomes import DATA, DEMO, TINY, random_bases, tiny_streaming

import promscan
from promscan.attribution.elements import ELEMENTS, logo_heights
from promscan.commands.reporting import page as pages
from promscan.commands.reporting.numbers import distributions, headline, shares_in_common, three_digits
from promscan.commands.reporting.sample import read_samples
from promscan.commands.reporting.surroundings import (
    AFTER,
    BACTERIAL,
    BEFORE,
    EUKARYOTIC,
    elements_for,
    random_sites,
    surroundings_of,
)
from promscan.commands.reporting.tracks import NO_SCORE, REACH, SCALE, Scoring, tracks_around
from promscan.errors import DependencyError, InputError, ModelError, RunError
from promscan.io.genome import Genome
from promscan.io.schemas import BED_COLUMNS
from promscan.networks.card import read_card
from promscan.networks.model_files import find_model
from promscan.seq.dna import decode, encode
from promscan.seq.tss import Site

NASTY = "</script><img/src=x/onerror=alert(1)>&amp;\u2028"
"""A name that would leave its place in a page, if nobody escaped it."""


def bed(path: Path, rows: list[tuple[object, ...]], first: str = "") -> Path:
    """A BED file of hits."""
    path.write_text(first + "".join("\t".join(map(str, row)) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def genome(tmp_path: Path) -> Path:
    """Two contigs of random bases; the second has a name that is HTML."""
    path = tmp_path / "genome.fa"
    path.write_text(f">one\n{random_bases(5000, 1)}\n><b>two</b>\n{random_bases(3000, 2)}\n", encoding="utf-8")
    return path


@pytest.fixture
def hits(tmp_path: Path) -> Path:
    """Four hits of another tool, with a gene and a strength in columns of their own."""
    return bed(tmp_path / "hits.bed", [
        ("one", 100, 170, NASTY, 5.5, "+", 133, 2.5, "geneA", -20),
        ("one", 1100, 1170, "b", 3.0, "+", 1133, 3.5, ".", "."),
        ("one", 2100, 2170, "c", 4.0, "-", 2136, 1.5, "geneB", 400),
        ("<b>two</b>", 20, 90, "d", 1.0, "+", 53, 2.0, "<i>g</i>", 5),
    ], "#chrom\tstart\tend\tname\tscore\tstrand\ttss\tstrength\tgene_name\tdistance\n")  # fmt: skip


def data_of(page: Path) -> dict[str, Any]:
    """The data in a report."""
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text(encoding="utf-8"))
    assert match is not None
    data: dict[str, Any] = json.loads(match[1])
    return data


def test_the_table_has_the_hits_in_the_order_of_the_genome(genome, hits, tmp_path):
    promscan.report(hits, genome, tmp_path / "out.html")
    table = data_of(tmp_path / "out.html")["table"]
    assert table["chroms"] == ["one", "<b>two</b>"]
    columns = table["columns"]
    assert columns["name"] == [NASTY, "b", "c", "d"]
    assert columns["tss"] == [133, 1133, 2136, 53]
    assert columns["strand"] == [0, 0, 1, 0]
    assert columns["score"] == [5.5, 3.0, 4.0, 1.0]
    assert columns["strength"] == [2.5, 3.5, 1.5, 2.0]
    assert columns["gene"] == ["geneA", "", "geneB", "<i>g</i>"]
    assert columns["distance"] == [-20, None, 400, 5]
    assert "probability" not in columns


def test_names_with_html_stay_text(genome, hits, tmp_path):
    promscan.report(hits, genome, tmp_path / "out.html", title="<u>T</u>", command="a <b>c</b>")
    text = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "<img" not in text
    assert "<b>" not in text
    assert "<u>" not in text
    assert "<i>" not in text
    assert text.count("</script>") == 2
    assert "\u2028" not in text


def test_the_page_loads_nothing_and_runs_only_its_own_script(genome, hits, tmp_path):
    promscan.report(hits, genome, tmp_path / "out.html")
    text = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert re.findall(r"(?:src|href|action)=\"(?!#|data:,)[^\"]*\"", text) == []
    assert set(re.findall(r"https?://[^\s\"']+", text)) == {"http://www.w3.org/2000/svg"}
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in text


def test_the_same_files_give_the_same_bytes(genome, hits, tmp_path):
    for name in ("a.html", "b.html"):
        promscan.report(hits, genome, tmp_path / name)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_headline_numbers(genome, hits):
    contigs = Genome(genome).contigs()
    (sample,) = read_samples([hits], contigs, None)
    numbers = dict(headline(sample, contigs))
    assert numbers == {
        "Hits": "4",
        "On + / - strand": "3 / 1",
        "Contigs with hits": "2 of 2",
        "Scanned": "0.008 Mb",
        "Hits per Mb": "500",
        "Median score": "3.50",
        "Median spacing": "1,000 bp",
        "Median strength": "2.25",
        "Hits with a gene": "3",
    }


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.0082, "0.0082"), (3.14159, "3.14"), (99.96, "100"), (2620, "2,620")]
)
def test_large_numbers_have_no_exponent(value, text):
    assert three_digits(value) == text


def test_distributions_count_every_hit(genome, hits):
    (sample,) = read_samples([hits], Genome(genome).contigs(), None)
    charts = {chart["name"]: chart for chart in distributions([sample])}
    assert {name: sum(chart["counts"][0]) for name, chart in charts.items()} == {
        "score": 4, "spacing": 1, "strength": 4, "distance": 3,
    }  # fmt: skip
    assert charts["distance"]["outside"] == [0]
    assert charts["distance"]["medians"] == [5.0]


def test_a_larger_report_leaves_out_the_lowest_hits_and_says_so(genome, tmp_path, monkeypatch, caplog):
    rows = [("one", i, i + 70, f"{'n' * 200}{i}", i % 97, "+") for i in range(3000)]
    hits, out = bed(tmp_path / "many.bed", rows), tmp_path / "out.html"
    monkeypatch.setattr(pages, "MOST_BYTES", 400_000)
    promscan.report(hits, genome, out)
    assert out.stat().st_size <= 400_000
    data = data_of(out)
    left = len(data["table"]["columns"]["tss"])
    assert 500 < left < 3000
    assert min(data["table"]["columns"]["score"]) >= 97 * (1 - left / 3000) - 2
    assert sum(data["distributions"][0]["counts"][0]) == 3000
    assert f"the best {left:,} hits of each" in out.read_text(encoding="utf-8")
    assert f"the table has the best {left} hits" in caplog.text


def test_nothing_is_written_where_even_an_empty_table_is_too_large(genome, hits, tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "MOST_BYTES", 1000)
    with pytest.raises(RunError, match="give fewer files"):
        promscan.report(hits, genome, tmp_path / "out.html")
    assert not (tmp_path / "out.html").exists()


def test_samples_are_compared(genome, hits, tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    other = bed(folder / "hits.bed", [("one", 150, 220, "x", 1, "+"), ("one", 2100, 2170, "y", 2, "+")])
    samples = read_samples([hits, other], Genome(genome).contigs(), None)
    assert [sample.label for sample in samples] == [str(hits), str(other)]
    assert shares_in_common(samples, 100) == [[1.0, 0.25], [0.5, 1.0]]
    promscan.report([hits, other], genome, tmp_path / "out.html")
    data = data_of(tmp_path / "out.html")
    assert data["table"]["columns"]["sample"] == [0, 0, 0, 0, 1, 1]
    assert [len(counts) for counts in (chart["counts"] for chart in data["distributions"])] == [2, 2, 2, 2]
    assert "Hits in common" in (tmp_path / "out.html").read_text(encoding="utf-8")


def test_a_file_without_hits_gives_a_report(genome, tmp_path):
    empty = bed(tmp_path / "empty.bed", [], "#promscan 0.1.0 model=x\n")
    promscan.report(empty, genome, tmp_path / "out.html")
    assert data_of(tmp_path / "out.html")["table"]["columns"]["tss"] == []


def test_contigs_without_bases_give_a_report(tmp_path):
    (tmp_path / "empty.fa").write_text(">one\n>two\n", encoding="utf-8")
    empty = bed(tmp_path / "empty.bed", [], "#promscan 0.1.0 model=x\n")
    promscan.report(empty, tmp_path / "empty.fa", tmp_path / "out.html")
    assert data_of(tmp_path / "out.html")["contigs"] == []


# Files of promscan


@pytest.mark.parametrize("suffix", ["bed", "gff3", "narrowPeak"])
def test_every_format_of_a_scan_gives_the_same_scores(suffix, tmp_path, promscan_cli):
    out = tmp_path / f"hits.{suffix}"
    scan = promscan_cli(
        "scan", DEMO, "-o", out, "--model", TINY, "--threshold", 0.5, "--strength", "none", "-t", 1, "--quiet"
    )
    assert scan.status == 0, scan.err
    (sample,) = read_samples([out], Genome(DEMO).contigs(), None)
    assert sample.score == "logit"
    assert len(sample) > 10
    assert sample.names[0] == f"{sample.sites[0].chrom}_{sample.tss[0]}_{sample.sites[0].strand}"
    assert sample.numbers["probability"] == pytest.approx(1 / (1 + np.exp(-sample.scores)))
    assert sample.numbers["probability"].min() >= 0.5


OWN = "one\t100\t170\tone_133_+\t9\t+\t133\t2.5\t0.92\t7.1\t.\t.\tpromoter"
HEAD = "#chrom\tstart\tend\tname\tscore\tstrand\ttss\tlogit\tprobability\tfp_per_mb\tstrength\tstrength_sd\ttype"
GFF3 = "one\tpromscan\tpromoter\t101\t170\t0.92\t+\t.\tID=one_133_+;tss=134;logit=2.5;fp_per_mb=7.1"


@pytest.mark.parametrize("text", [
    f"#promscan 0.1.0 model=x\n{HEAD}\tclass\tgene_id\tgene_name\tdistance\n{OWN}\tupstream\tg1\tlacZ\t-300\n",
    f"##gff-version 3\n#promscan 0.1.0 model=x\n{GFF3};class=upstream;gene_id=g1;gene_name=lacZ;distance=-300\n",
])  # fmt: skip
def test_hits_with_genes_added_are_read_from_every_format(text, genome, tmp_path):
    (tmp_path / "hits").write_text(text, encoding="utf-8")
    (sample,) = read_samples([tmp_path / "hits"], Genome(genome).contigs(), None)
    assert (sample.genes, sample.classes) == (["lacZ"], ["upstream"])
    assert {name: values.tolist() for name, values in sample.numbers.items() if np.isfinite(values).all()} == {
        "probability": [pytest.approx(0.924, abs=1e-3)], "fp_per_mb": [7.1], "distance": [-300],
    }  # fmt: skip
    assert (sample.scores.tolist(), sample.sites) == ([2.5], [Site("one", 133, "+")])


def test_the_best_hits_carry_the_scores_that_they_were_called_on(tmp_path):
    model = tiny_streaming()
    scan = promscan.scan(DEMO, model=model, threshold=0.5, strength=None, threads=1)
    hits = sorted(scan, key=lambda hit: -hit.logit)
    header = " ".join(["#promscan 0.1.0", *(f"{key}={value}" for key, value in scan.settings.items())])
    rows = [(hit.chrom, hit.start, hit.end, hit.name, 0, hit.strand, hit.tss, hit.logit) for hit in hits]
    columns = "\t".join(["#chrom", "start", "end", "name", "score", "strand", "tss", "logit"])
    file = bed(tmp_path / "hits.bed", rows, f"{header}\n{columns}\n")
    promscan.report(file, DEMO, tmp_path / "out.html", model=model, details=7, threads=1)
    data = data_of(tmp_path / "out.html")
    table, details = data["table"]["columns"], data["table"]["details"]
    assert len(details) == 7
    scores = [table["score"][int(row)] for row in details]
    assert sorted(scores, reverse=True) == sorted(table["score"], reverse=True)[:7]
    for row, each in details.items():
        track = np.frombuffer(base64.b64decode(each["tracks"][table["strand"][int(row)]]), dtype="<i2")
        assert len(track) == 2 * REACH + 1
        assert track[REACH] / SCALE == pytest.approx(table["score"][int(row)], abs=0.006)
        assert (track > NO_SCORE).sum() > REACH


def test_a_threshold_of_grades_is_not_drawn_among_logits(genome, tmp_path):
    row = [("one", 100, 170, "o", 9, "+", 133)]
    for name, more in (("graded", " candidates=-2 grade=own+same:500"), ("plain", "")):
        bed(tmp_path / f"{name}.bed", row, f"#promscan 0.1.0 model=x threshold_logit=5.5{more}\n")
    promscan.report([tmp_path / "graded.bed", tmp_path / "plain.bed"], genome, tmp_path / "out.html", details=0)
    data = data_of(tmp_path / "out.html")
    assert (data["thresholds"], data["graded"]) == ([-2.0, 5.5], [True, False])


def test_scores_of_another_model_are_refused(tmp_path, genome):
    file = bed(
        tmp_path / "hits.bed", [("one", 10, 80, "a", 1, "+")], f"#promscan 0.1.0 model=other sha256={'0' * 64}\n"
    )
    with pytest.raises(ModelError, match="not the model of the hits"):
        promscan.report(file, genome, tmp_path / "out.html", model=TINY)


def test_the_calibration_table_counts_hits_and_expected_false_ones(tmp_path):
    card = json.loads((DATA.parent.parent / "weights" / "human.json").read_text(encoding="utf-8"))
    first = f"#promscan 0.1.0 model=human sha256={card['sha256']} threshold_logit=2 strand=both\n"
    names = "#chrom\tstart\tend\tname\tscore\tstrand\ttss\tlogit\n"
    rows = [("demo1", i * 100, i * 100 + 70, "a", 0, "+", i * 100 + 33, 2 + i / 50) for i in range(200)]
    promscan.report(bed(tmp_path / "hits.bed", rows, first + names), DEMO, tmp_path / "out.html", details=0)
    text = (tmp_path / "out.html").read_text(encoding="utf-8")
    cells = re.findall(r'<tr><th scope="row">(\d+)</th><td>([\d.]+)</td><td>(\d+)</td><td>([\d.]+)</td></tr>', text)
    assert [rate for rate, *_ in cells][:3] == ["1", "5", "10"]
    for rate, logit, hits, false in cells:
        assert float(logit) >= 2
        assert float(false) == pytest.approx(float(rate) * 0.05, rel=0.01)
        assert int(hits) == pytest.approx(sum(row[7] >= float(logit) for row in rows), abs=1)


def test_known_starts_give_recall_and_kinds_of_false_hits(tmp_path, promscan_cli):
    rows = [line.split("\t") for line in (DATA / "demo_tss.bed").read_text().splitlines()]
    found = [(chrom, int(start), int(end), name, 5, strand) for chrom, start, end, name, _, strand in rows[:10]]
    hits = bed(tmp_path / "hits.bed", [*found, ("demo1", 20, 90, "wrong", 1, "+")])
    out = tmp_path / "out.html"
    done = promscan_cli("report", hits, "--genome", DEMO, "--tss", DATA / "demo_tss.bed", "-o", out, "--quiet")
    assert done.status == 0, done.err
    text = out.read_text(encoding="utf-8")
    assert "10 of 20 listed TSSs found by 11 hits" in text
    assert "50.0% (" in text
    assert data_of(out)["curves"][0][-1][1] == 0.5
    assert f"promscan report {hits} --genome {DEMO} --output {out}" in text


def test_an_installation_has_the_files_of_the_page():
    config = configparser.ConfigParser()
    config.read(DATA.parent.parent / "setup.cfg", encoding="utf-8")
    assert "promscan.commands.reporting" in config["options"]["packages"].split()
    assert config["options.package_data"]["promscan.commands.reporting"] == "templates/*, vendor/*"
    folder = Path(pages.__file__).parent / "templates"
    assert sorted(path.name for path in folder.iterdir()) == [
        "browser.js", "charts.js", "report.css", "report.html", "report.js",
    ]  # fmt: skip


# Sequences


def planted(element: str, at: int) -> str:
    """Bases of a contig with an element at a distance from its position 500, and no T or A elsewhere."""
    bases = list("CG" * 500)
    bases[500 + at : 500 + at + len(element)] = element
    return "".join(bases)


@pytest.mark.parametrize(("elements", "row", "element", "at"), [
    (EUKARYOTIC, 0, "TATAAAA", -31), (EUKARYOTIC, 1, "GGCACT", -3), (BACTERIAL, 0, "TATAAT", -12),
    (BACTERIAL, 2, "TTGACA", -35),
])  # fmt: skip
@pytest.mark.parametrize("strand", ["+", "-"])
def test_a_planted_element_is_found_where_it_is(tmp_path, elements, row, element, at, strand):
    sequence = planted(element, at)
    if strand == "-":
        sequence = sequence[::-1].translate(str.maketrans("ACGT", "TGCA"))
    path = tmp_path / "planted.fa"
    path.write_text(f">one\n{sequence}\n", encoding="utf-8")
    tss = 500 if strand == "+" else len(sequence) - 501
    around = surroundings_of([Site("one", tss, strand)], path).around
    assert elements[row].places(around).tolist() == [BEFORE + at]
    assert decode(around[0])[BEFORE + at :].startswith(element)
    assert elements[row].places(np.full_like(around, encode("G")[0])).tolist() == [-1]


def test_elements_are_those_that_explain_knows():
    """A report and an explanation of the same hits must not say different things of one element."""
    for searched in (*EUKARYOTIC, *BACTERIAL):
        (known,) = (element for element in ELEMENTS if element.name == searched.name)
        assert searched.pattern == known.consensus
        assert known.first - searched.first == searched.last - known.last
        assert 0 <= known.first - searched.first <= 2


def test_bases_past_the_ends_of_a_contig_are_unknown(genome):
    around = surroundings_of([Site("one", 3, "+"), Site("one", 4999, "-"), Site("one", 3, "+")], genome).around
    first = decode(around[0])
    assert first[: BEFORE - 3] == "N" * (BEFORE - 3)
    assert first[BEFORE - 3 :] == random_bases(5000, 1)[: 4 + AFTER]
    assert decode(around[1])[:BEFORE] == "N" * BEFORE
    assert (around[0] == around[2]).all()


def test_random_positions_lie_in_the_genome_and_stay_the_same():
    contigs = {"one": 10, "two": 1, "three": 1000}
    sites = random_sites(contigs, 500)
    assert sites == random_sites(contigs, 500)
    assert all(0 <= site.tss < contigs[site.chrom] for site in sites)
    assert {site.strand for site in sites} == {"+", "-"}
    assert random_sites({"empty": 0}, 5) == []


def test_the_letters_of_a_logo_add_up_to_the_relative_entropy():
    background = np.full(4, 0.25)
    shares = np.array([[1.0, 0, 0, 0], [0.5, 0.5, 0, 0], [0.25] * 4])
    heights = logo_heights(shares, background, 10**9)
    assert heights.sum(axis=1) == pytest.approx([2, 1, 0], abs=1e-6)
    assert logo_heights(shares, background, 10)[0, 0] == pytest.approx(2 - 3 / (2 * np.log(2) * 10))


# Wrong input


def test_standard_input_is_refused_in_one_line(genome, tmp_path):
    with pytest.raises(InputError, match="save it to a file"):
        promscan.report("-", genome, tmp_path / "out.html")


def test_too_many_samples_are_refused(genome, hits, tmp_path):
    with pytest.raises(InputError, match="1 to 8 files"):
        promscan.report([hits] * 9, genome, tmp_path / "out.html")


def test_the_command_never_writes_over_what_it_reads(genome, hits, promscan_cli):
    done = promscan_cli("report", hits, "--genome", genome, "-o", hits)
    assert done.status == 1
    assert "is read by this command" in done.err


def test_a_hit_without_a_strand_is_refused(genome, tmp_path, promscan_cli):
    file = bed(tmp_path / "hits.bed", [("one", 10, 80, "a", 1, ".")])
    done = promscan_cli("report", file, "--genome", genome, "-o", tmp_path / "out.html")
    assert done.status == 1
    assert done.err.count("\n") == 1
    assert "there is no strand" in done.err


def test_contigs_that_the_scan_took_for_circles_are_drawn_as_circles(genome, hits, tmp_path):
    first = "#promscan 0.1.0 model=x circular=one,three\n"
    bed(
        tmp_path / "circles.bed",
        [("one", 4900, 4970, "o", 5, "+", 4933), ("<b>two</b>", 20, 90, "t", 1, "+", 53)],
        first,
    )
    promscan.report(tmp_path / "circles.bed", genome, tmp_path / "out.html", details=0)
    contigs = data_of(tmp_path / "out.html")["contigs"]
    assert [(contig["name"], contig["circular"]) for contig in contigs] == [("one", True), ("<b>two</b>", False)]
    assert contigs[0]["bins"][0][0] == [[int(4933 / 5000 * 800), 1, 5.0]]
    assert contigs[1]["bins"][0][0] == [[int(53 / 5000 * 800), 1, 1.0]]
    assert "its first base is at the top" in (tmp_path / "out.html").read_text(encoding="utf-8")
    bed(tmp_path / "all.bed", [("one", 100, 170, "o", 5, "+", 133)], "#promscan 0.1.0 model=x circular=all\n")
    promscan.report(tmp_path / "all.bed", genome, tmp_path / "out.html", details=0)
    assert data_of(tmp_path / "out.html")["contigs"][0]["circular"]
    promscan.report(hits, genome, tmp_path / "out.html")
    assert not any(contig["circular"] for contig in data_of(tmp_path / "out.html")["contigs"])
    assert "Of a circle, lines" not in (tmp_path / "out.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("tss", [3, 40, 4900, 4999])
def test_the_origin_of_a_circle_is_a_place_like_any_other(tmp_path, tss):
    bases, turned = random_bases(5000, 4), 2500
    details = []
    for name, moved in (("at", 0), ("away", turned)):
        genome, hits = tmp_path / f"{name}.fa", tmp_path / f"{name}.bed"
        genome.write_text(f">one\n{bases[-moved:] + bases[:-moved] if moved else bases}\n", encoding="utf-8")
        place = (tss + moved) % 5000
        rows = [("one", place, place + 1, "h", 5, strand, place, -1) for strand in "+-"]
        head = "#chrom\tstart\tend\tname\tscore\tstrand\ttss\tlogit\n"
        bed(hits, rows, f"#promscan 0.1.0 model=x circular=one\n{head}")
        promscan.report(hits, genome, tmp_path / f"{name}.html", model=TINY, device="cpu", threads=1)
        details.append(data_of(tmp_path / f"{name}.html")["table"]["details"])
    assert details[0] == details[1]
    assert "N" not in details[0]["0"]["sequence"]
    for track in details[0]["0"]["tracks"]:
        assert (np.frombuffer(base64.b64decode(track), "<i2") != NO_SCORE).all()


def test_motifs_of_an_explanation_stand_in_the_details_of_their_hits(genome, hits, tmp_path):
    folder = tmp_path / "motifs"
    folder.mkdir()
    rows = [
        "name\tmotif\telement\toffset\tsequence\tcontribution",
        "one_133_+\tM1\tTATA box\t-30\tTATAAAAG\t1.25",
        "one_133_+\tM2\t.\t12\tGGCGG\t0.5",
        "one_133_+\tM3\t.\t48\tGGCGG\t0.5",  # ends outside of what is shown
        "elsewhere_1_+\tM1\tTATA box\t-30\tTATAAAAG\t1.25",
    ]
    (folder / "instances.tsv").write_text("\n".join(rows) + "\n")
    promscan.report(hits, genome, tmp_path / "out.html", motifs=folder)
    details = data_of(tmp_path / "out.html")["table"]["details"]
    marks = [mark for mark in details["0"]["marks"] if len(mark) == 4]
    assert marks == [["TATA box", BEFORE - 30, 8, "+1.25"], ["M2", BEFORE + 12, 5, "+0.50"]]
    assert all(len(mark) == 3 for row in ("1", "2", "3") for mark in details[row]["marks"])


@pytest.mark.parametrize("offset", ["x", "1.5", "nan"])
def test_a_folder_that_explain_did_not_make_is_refused(genome, hits, tmp_path, offset):
    folder = tmp_path / "motifs"
    with pytest.raises(InputError, match=r"there is no instances.tsv in it|cannot be read|No such file"):
        promscan.report(hits, genome, tmp_path / "out.html", motifs=folder)
    folder.mkdir()
    row = f"one_133_+\tM1\tTATA box\t{offset}\tTATAAAAG\t1.25"
    (folder / "instances.tsv").write_text(f"name\tmotif\telement\toffset\tsequence\tcontribution\n{row}\n")
    with pytest.raises(InputError, match="line 2"):
        promscan.report(hits, genome, tmp_path / "out.html", motifs=folder)
    assert not (tmp_path / "out.html").exists()


def test_hits_of_a_model_for_bacteria_are_searched_for_their_elements():
    human = read_card(find_model("human"))
    bacterial = dataclasses.replace(human, species="Bacteria")
    assert elements_for([human], bacteria=False) == EUKARYOTIC
    assert elements_for([human], bacteria=True) == BACTERIAL
    assert elements_for([bacterial, bacterial], bacteria=False) == BACTERIAL
    assert elements_for([bacterial, None], bacteria=False) == EUKARYOTIC
    assert elements_for([None], bacteria=False) == EUKARYOTIC


def browser_data(page: Path) -> dict[str, Any] | None:
    data: dict[str, Any] | None = data_of(page)["igv"]
    return data


@pytest.fixture
def fake_igv(monkeypatch: pytest.MonkeyPatch) -> str:
    """A script in the place of igv.js."""
    script = "window.igv = {};"
    monkeypatch.setattr("promscan.commands.report.igv_script", lambda: script)
    return script


def test_the_genome_browser_has_the_genome_and_its_script_may_run(genome, hits, tmp_path, fake_igv):
    genes = tmp_path / "genes.bed"
    genes.write_text("one\t200\t900\tg<1>\t0\t-\nthree\t1\t9\tother\t0\t+\n")
    promscan.report(hits, genome, tmp_path / "out.html", igv=True, genes=genes)
    data = browser_data(tmp_path / "out.html")
    assert data is not None
    fasta = base64.b64decode(data["fasta"]).decode()
    records = dict(record.split("\n", 1) for record in fasta.split(">")[1:])
    assert {name: len(bases.strip()) for name, bases in records.items()} == {"one": 5000, "‹b›two‹/b›": 3000}  # noqa: RUF001
    assert records["one"].strip() == genome.read_text().splitlines()[1]
    assert data["genes"] == [[0, 200, 900, "-", "g‹1›"]]  # noqa: RUF001
    text = (tmp_path / "out.html").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(fake_igv.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in text
    assert 'id="open-browser"' in text


def test_a_report_without_igv_embeds_no_genome(genome, hits, tmp_path):
    promscan.report(hits, genome, tmp_path / "out.html")
    assert browser_data(tmp_path / "out.html") is None
    assert "open-browser" not in (tmp_path / "out.html").read_text(encoding="utf-8").replace("#open-browser", "")


def test_a_genome_too_large_to_embed_is_left_out(genome, hits, tmp_path, fake_igv, monkeypatch, caplog):
    monkeypatch.setattr("promscan.commands.reporting.genome_browser.MOST_BASES", 7999)
    promscan.report(hits, genome, tmp_path / "out.html", igv=True)
    assert browser_data(tmp_path / "out.html") is None
    assert "at most 7,999 bases, and this genome has 8,000" in caplog.text


def test_an_installation_without_igv_says_so(genome, hits, tmp_path, monkeypatch):
    monkeypatch.setattr("promscan.commands.reporting.genome_browser._PACKAGE", "promscan.commands.scanning")
    with pytest.raises(DependencyError, match=r"vendor_igv\.py"):
        promscan.report(hits, genome, tmp_path / "out.html", igv=True)
    assert not (tmp_path / "out.html").exists()


def vendor() -> Any:
    spec = importlib.util.spec_from_file_location("vendor_igv", DATA.parents[1] / "packaging" / "vendor_igv.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_only_the_published_archive_is_vendored(tmp_path, monkeypatch, capsys):
    script, archive = vendor(), tmp_path / "igv.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in script.FILES:
            entry = tarfile.TarInfo(name)
            entry.size = 4
            tar.addfile(entry, io.BytesIO(b"text"))
    assert script.main([str(archive)], tmp_path / "vendor") == 1
    assert "its sha512 is" in capsys.readouterr().err
    assert not (tmp_path / "vendor").exists()
    monkeypatch.setattr(script, "SHA512", base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode())
    assert script.main([str(archive)], tmp_path / "vendor") == 0
    assert {path.name for path in (tmp_path / "vendor").iterdir()} == {"igv.min.js", "igv.LICENSE"}
    assert script.main([str(tmp_path / "none.tgz")], tmp_path / "vendor") == 1


@pytest.mark.parametrize("width", ["9" * 5000, "\u0663", "three", ""])
def test_a_header_with_a_width_that_is_none_is_refused_in_one_line(width: str) -> None:
    with pytest.raises(InputError, match=r"^the header of the hits says smoothing=.*, which is no width in bp"):
        tracks_around([], str(DEMO), {"demo1": 30_000}, {"smoothing": width}, Scoring(model=str(TINY)))


def test_numbers_of_any_size_in_the_columns_of_hits_give_a_report(tmp_path: Path) -> None:
    rows = [
        f"demo1 {at} {at + 70} demo1_{at + 33}_+ 5 + {at + 33} {logit} {huge} {huge} {huge} {huge} promoter".split()
        for at, logit, huge in ((100, "1e30", "1e308"), (900, "-1e30", "-1e308"))
    ]
    hits = tmp_path / "hits.bed"
    hits.write_text("\n".join(["#promscan 0.1.0 model=x", "#" + "\t".join(BED_COLUMNS), *map("\t".join, rows)]) + "\n")
    promscan.report(hits, DEMO, tmp_path / "report.html", details=0)
    assert data_of(tmp_path / "report.html")["table"]["columns"]["tss"] == [133, 933]
