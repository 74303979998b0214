"""Hits of promscan and of other tools: a position column is checked before it is believed."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from genomes import DATA, DEMO, TINY

import promscan
from promscan.commands.scan import Scan
from promscan.errors import InputError
from promscan.inference.streaming import StreamingEngine
from promscan.io.genome import Genome
from promscan.io.hit_writers import open_writer
from promscan.io.hits import RankedHits, read_hits
from promscan.seq.intervals import SHARD_GRID
from promscan.seq.records import Hit

TSS = DATA / "demo_tss.bed"
CONTIGS = {"chr1": 10_000, "chr2": 500}
MIDDLE, THICK, SUMMIT, NAMED = (
    "the middle of its interval",
    "the one-base thick interval in columns 7 and 8",
    "the summit in column 10 of narrowPeak",
    "the tss that its row names",
)
OPTIONS = {"model": TINY, "threshold": 0.6, "strength": None, "device": "cpu"}
HEADER = "#chrom\tstart\tend\tname\tscore\tstrand"


def read(folder: Path, content: str, name: str = "hits.bed", **options) -> RankedHits:
    (folder / name).write_text(content)
    return read_hits(folder / name, CONTIGS, **options)


def bed(*more: object, start: int = 1_000, end: int = 1_070, strand: str = "+") -> str:
    return "\t".join(map(str, ("chr1", start, end, "x", 7, strand, *more))) + "\n"


# ---------------------------------------------------------------------------------------- what other tools write


@pytest.mark.parametrize(
    ("content", "position", "tss"),
    [
        (bed(), MIDDLE, 1_035),
        (bed(0), MIDDLE, 1_035),
        (bed(42), MIDDLE, 1_035),
        (bed(1_010), MIDDLE, 1_035),
        (bed(1.5), MIDDLE, 1_035),
        (bed("."), MIDDLE, 1_035),
        (bed(0, 1), MIDDLE, 1_035),
        (bed(1_000, 1_070, "0,0,0"), MIDDLE, 1_035),
        (bed(1_010, 1_010, "0,0,0"), MIDDLE, 1_035),
        (bed(999, 1_000), MIDDLE, 1_035),
        (bed(1_070, 1_071), MIDDLE, 1_035),
        (bed(1_010, 1_011), THICK, 1_010),
        (bed(1_000, 1_001, "0,0,0"), THICK, 1_000),
        (bed(1_069, 1_070, 0, 1, "70,", "0,"), THICK, 1_069),
        (bed(8.25, -1, -1, 12), SUMMIT, 1_012),
        (bed(8.25, 5, 3, 0), SUMMIT, 1_000),
        (bed(8.25, 5, 3, 69), SUMMIT, 1_069),
        (bed(8.25, 5, 3, -1), MIDDLE, 1_035),
        (bed(8.25, 5, 3, 70), MIDDLE, 1_035),
        (bed(8.25, 5, 3, -2), MIDDLE, 1_035),
        (bed(1_010, 1_040, 0, 2, "10,10,", "0,60,"), MIDDLE, 1_035),
        (bed(start=1_000, end=1_001), MIDDLE, 1_000),
        (f"{HEADER}\ttss\n{bed(1_044)}", NAMED, 1_044),
        (f"{HEADER}\tcount\tTSS\n{bed(1, 1_044)}", NAMED, 1_044),
        (f"{HEADER}\tcount\n{bed(1_010)}", MIDDLE, 1_035),
        (f"# tss of my tool, the best logit of all\n{bed(1_010)}", MIDDLE, 1_035),
        ("chr1\ttool\tpromoter\t1001\t1070\t7\t+\t.\tID=1\n", MIDDLE, 1_035),
        ("chr1\ttool\tpromoter\t1001\t1070\t7\t+\t.\tID=1;tss=5\n", MIDDLE, 1_035),
        ("chr1\ttool\tTSS\t1011\t1011\t7\t+\t.\tID=1\n", MIDDLE, 1_010),
        ('chr1\ttool\tTSS\t1011\t1011\t7\t+\t.\tgene_id "x";\n', MIDDLE, 1_010),
    ],
)
def test_a_column_is_the_position_only_if_it_can_be_one(tmp_path: Path, content: str, position: str, tss: int) -> None:
    hits = read(tmp_path, content)
    assert hits.position == position
    assert [array.tolist() for array in hits.on("chr1", "+")] == [[tss], [7.0]]


def test_one_row_that_does_not_fit_speaks_for_its_file(tmp_path: Path) -> None:
    thick = bed(1_010, 1_011)
    assert read(tmp_path, thick + bed(1_010, 1_012)).on("chr1", "+")[0].tolist() == [1_035, 1_035]
    peak = bed(8, -1, -1, 12)
    assert read(tmp_path, peak + bed(8, -1, -1, 99)).on("chr1", "+")[0].tolist() == [1_035, 1_035]
    without = read(tmp_path, peak + bed(8, -1, -1, -1))
    assert without.on("chr1", "+")[0].tolist() == [1_012, 1_035]
    assert without.position == f"{SUMMIT}, or the middle of a peak without one"


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (bed(8, -1, -1, 12) + bed(8, -1, -1, 70), "hits.narrowPeak", "line 2: the summit in column 10 lies outside"),
        (f"#promscan 0.1.0 model=x\n{bed(8, -1, -1, 70)}", "hits.bed", "line 2: the summit in column 10 lies outside"),
        (f"{HEADER}\ttss\n{bed(1_070)}", "hits.bed", "line 2: the tss 1070 in column 7 is not in its interval"),
        (f"{HEADER}\ttss\n{bed('.')}", "hits.bed", "line 2: '.' in column 7, called tss, is no position"),
        (f"{HEADER}\ttss\n{bed(1_010)}{bed()}", "hits.bed", "line 3: '' in column 7, called tss, is no position"),
        (
            "chr1\tpromscan\tpromoter\t1001\t1070\t0.9\t+\t.\tID=1;tss=1001;logit=2\n"
            "chr1\tpromscan\tpromoter\t1001\t1070\t0.9\t+\t.\tID=1;tss=1000;logit=2\n",
            "hits.gff3", "line 2: the tss '1000' of a hit of promscan is not in its interval, 1001 to 1070",
        ),
        (
            "chr1\tpromscan\tpromoter\t1001\t1070\t0.9\t+\t.\tID=1;tss=1001\n",
            "hits.gff3", "line 1: '' in the attribute logit is no score; name its column: --score-column",
        ),
        ("chr1\ttool\tx\t1001\t1070\t.\t+\t.\tID=1\n", "hits.gff3", "line 1: '.' in column 6 is no score"),
        ("chr1\ttool\tx\t1001\t1070\t3\t.\t.\tID=1\n", "hits.gff3", "line 1: there is no strand, + or -, in column 7"),
        (bed(strand="."), "hits.bed", "line 1: there is no strand, + or -, in column 6"),
        ("1" + bed()[4:], "hits.bed", "line 1: the genome has no contig '1'; use the genome's names ('1' is 'chr1'"),
    ],
)  # fmt: skip
def test_a_claim_that_does_not_hold_is_refused(tmp_path: Path, content: str, name: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, content, name)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_score_has_a_column(tmp_path: Path) -> None:
    assert read(tmp_path, bed(8.25, 5, 3, 12)).score == "column 5"
    hits = read(tmp_path, bed(8.25, 5, 3, 12), score_column=7)
    assert (hits.score, hits.on("chr1", "+")[1].tolist()) == ("column 7", [8.25])
    assert read(tmp_path, "chr1\ttool\tx\t1001\t1070\t3\t+\t.\tID=1\n").score == "column 6"
    # A sentence that holds the word is no header.
    assert read(tmp_path, f"# ranked by logit\n{bed()}").on("chr1", "+")[1].tolist() == [7]


# -------------------------------------------------------------------------------------------- what promscan writes


@pytest.fixture(scope="module")
def scanned() -> list[Hit]:
    return list(promscan.scan(DEMO, **OPTIONS))


def write(hits: list[Hit], target: Path, **options) -> Path:
    """Write what a scan of the demo with these options would, from the hits of the whole one."""
    job = Scan(DEMO, **{**OPTIONS, **options})
    with open_writer(str(target), None, job.settings) as writer:
        for hit in hits:
            place = np.array([hit.tss])
            inside = job.plan.within is None or job.plan.within.contains(hit.chrom, place)[0]
            if inside and (job.plan.exclude is None or not job.plan.exclude.contains(hit.chrom, place)[0]):
                writer.write(hit)
    return target


@pytest.mark.parametrize("suffix", ["bed", "gff3", "narrowPeak", "bed.gz", "gff3.gz", "narrowPeak.gz"])
def test_every_format_of_a_scan_is_judged_alike(tmp_path: Path, scanned: list[Hit], suffix: str) -> None:
    path = write(scanned, tmp_path / f"hits.{suffix}")
    expected, found = promscan.evaluate(scanned, TSS, DEMO), promscan.evaluate(path, TSS, DEMO)
    assert found.score == expected.score == "logit"
    assert found.position == (SUMMIT if suffix.startswith("narrowPeak") else NAMED)
    assert found.whole[1:] == expected.whole[1:]
    assert found.distances.tolist() == expected.distances.tolist()
    assert found.whole.threshold == pytest.approx(expected.whole.threshold, abs=1e-4)


@pytest.mark.parametrize(
    ("suffix", "change"),
    [
        ("bed", lambda lines: [line for line in lines if not line.startswith("#")]),
        ("bed", lambda lines: [line if line.startswith("#") else f"{line}\tnearest\t12" for line in lines]),
        ("bed", lambda lines: [f"{line}\tnearest\t12" for line in lines if not line.startswith("#")]),
        ("gff3", lambda lines: [line for line in lines if not line.startswith("#")]),
    ],
    ids=["BED without a header", "BED with more columns", "both", "GFF3 without a header"],
)
def test_other_tools_may_have_been_at_the_hits(
    tmp_path: Path, scanned: list[Hit], suffix: str, change: Callable[[list[str]], list[str]]
) -> None:
    path = write(scanned, tmp_path / f"hits.{suffix}")
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")
    hits = read_hits(path, Genome(DEMO).contigs())
    assert (hits.position, hits.score) == (NAMED, "logit")
    for strand in "+-":
        assert hits.on("demo1", strand)[0].tolist() == [
            hit.tss for hit in scanned if (hit.chrom, hit.strand) == ("demo1", strand)
        ]


@pytest.mark.parametrize("suffix", ["bed", "gff3", "narrowPeak"])
def test_a_scan_without_hits_is_read(tmp_path: Path, suffix: str) -> None:
    path = write([], tmp_path / f"hits.{suffix}")
    evaluation = promscan.evaluate(path, TSS, DEMO)
    assert (evaluation.whole.hits, evaluation.score) == (0, "logit")


def test_names_of_contigs_come_back_from_gff3(tmp_path: Path) -> None:
    (tmp_path / "x.gff3").write_text("a%25b%7E\tpromscan\tpromoter\t1\t70\t0.9\t+\t.\tID=1;tss=34;logit=1.5\n")
    assert read_hits(tmp_path / "x.gff3", {"a%b~": 100}).on("a%b~", "+")[0].tolist() == [33]


def test_evaluate_says_which_position_it_took(promscan_cli, tmp_path: Path) -> None:
    path = tmp_path / "other.bed.gz"
    path.write_bytes(gzip.compress(b"demo1\t1300\t1400\tx\t5\t-\t0\n"))
    outcome = promscan_cli("evaluate", path, "--tss", TSS, "--genome", DEMO, "--json", tmp_path / "out.json")
    assert f"{path}: the position of each hit is {MIDDLE}\n" in outcome.err
    assert json.loads((tmp_path / "out.json").read_text())["position"] == MIDDLE


# ------------------------------------------------------------------------------------------------- parts of a genome

WARNING = "only a part of the genome was scanned"


def judged(promscan_cli, hits: Path, *options: object) -> tuple[dict[str, object], str]:
    out = hits.with_suffix(".json")
    outcome = promscan_cli("evaluate", hits, "--tss", TSS, "--genome", DEMO, "--json", out, *options)
    assert outcome.status == 0, outcome.err
    return json.loads(out.read_text()), outcome.err


@pytest.mark.parametrize("suffix", ["bed", "gff3", "narrowPeak"])
def test_of_a_shard_only_its_bases_count(promscan_cli, tmp_path: Path, scanned: list[Hit], suffix: str) -> None:
    parts = []
    for index in (1, 2, 3):
        path = write(scanned, tmp_path / f"{index}.{suffix}", shard=(index, 3))
        described, messages = judged(promscan_cli, path)
        assert WARNING not in messages
        assert f"only what was scanned counts: {described['bases']:,} bp" in messages
        parts.append(described)
    assert sum(part["bases"] for part in parts) == 50_000
    assert sum(part["tss"] for part in parts) == 20
    assert sum(part["hits"] for part in parts) == len(scanned)
    assert StreamingEngine.lane == SHARD_GRID  # where a scan cuts


def test_a_shard_of_another_genome_or_none_is_judged_with_a_warning(
    promscan_cli, tmp_path: Path, scanned: list[Hit]
) -> None:
    path = write(scanned, tmp_path / "hits.bed", shard=(1, 3))
    text = path.read_text()
    for old, new in (("genome=", "genome=0"), ("shard=1/3", "shard=4/3"), ("shard=1/3", "shard=1/" + "9" * 5_000)):
        assert old in text
        path.write_text(text.replace(old, new))
        described, messages = judged(promscan_cli, path)
        assert (messages.count(WARNING), described["bases"]) == (1, 50_000)
        assert "(--shard)" in messages


def test_a_part_that_the_header_only_has_a_checksum_of_is_warned_of(
    promscan_cli, tmp_path: Path, scanned: list[Hit]
) -> None:
    part = tmp_path / "part.bed"
    part.write_text("demo1\t0\t20000\n")
    within = write(scanned, tmp_path / "within.bed", bed=part)
    without = write(scanned, tmp_path / "without.bed", exclude=part)
    unmasked = write(scanned, tmp_path / "unmasked.bed", skip_masked=True)
    for path, option in ((within, "--region or --bed"), (without, "--exclude"), (unmasked, "--skip-masked")):
        described, messages = judged(promscan_cli, path)
        warnings = [line for line in messages.splitlines() if line.startswith("warning:")]
        assert warnings == [
            f"warning: {WARNING} ({option}), and all of it is judged, so recall is too low: name what was scanned by "
            "--bed"
        ]
        assert described["tss"] == 20
    described, messages = judged(promscan_cli, within, "--bed", part)
    assert (described["bases"], WARNING in messages) == (20_000, False)


def test_a_scan_of_one_contig_is_known_by_its_checksum(promscan_cli, tmp_path: Path, scanned: list[Hit]) -> None:
    path = write(scanned, tmp_path / "hits.bed", regions=["demo1"])
    for options in ([], ["--contigs", "demo1"]):
        described, messages = judged(promscan_cli, path, *options)
        assert (described["bases"], described["tss"], WARNING in messages) == (30_000, 12, False)
    outcome = promscan_cli("evaluate", path, "--tss", TSS, "--genome", DEMO, "--contigs", "demo2", "--quiet")
    assert "none of its TSSs lies in what is to be judged" in outcome.err


def test_of_one_strand_only_its_starts_count(promscan_cli, tmp_path: Path, scanned: list[Hit]) -> None:
    path = write(scanned, tmp_path / "hits.bed", strand="+")
    described, messages = judged(promscan_cli, path)
    assert "only the + strand was scanned: only its TSSs count" in messages
    assert described["tss"] == TSS.read_text().count("\t+")


def test_the_hits_of_a_shard_in_memory_are_judged_like_its_file(tmp_path: Path, scanned: list[Hit]) -> None:
    path = write(scanned, tmp_path / "hits.bed", shard=(2, 3))
    found = promscan.evaluate(path, TSS, DEMO)
    expected = promscan.evaluate(Scan(DEMO, shard=(2, 3), **OPTIONS), TSS, DEMO)
    assert found.ranking.bases == expected.ranking.bases < 50_000
    assert [point[1:] for point in found.curve()] == [point[1:] for point in expected.curve()]
