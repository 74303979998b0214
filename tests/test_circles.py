"""Circular contigs: windows and hits go over the origin, and where the origin lies changes no hit."""

from __future__ import annotations

import dataclasses
import io
import random
import shutil
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import gffutils
import numpy as np
import pyBigWig
import pysam
import pytest
from genomes import (
    EVERY_WINDOW,
    TINY,
    TINY_STRENGTH,
    a_few,
    contigs_of,
    demo_contigs,
    random_bases,
    tiny_streaming,
    write_fasta,
    write_hits,
)
from hypothesis import given, settings
from hypothesis import strategies as st

import promscan
from promscan.errors import InputError
from promscan.inference.streaming import StreamingEngine
from promscan.inference.windowed import WindowedEngine
from promscan.io.hit_writers import header_line, open_writer
from promscan.io.scan_header import is_circle, joined_names, settings_in
from promscan.networks.calling_rule import CallingRule, Feature
from promscan.networks.card_parts import Screening
from promscan.networks.weights import load_model, save_model
from promscan.seq.windows import WINDOW, tss_of

LANE = 140
RULE = CallingRule(
    candidates=-4.0,
    features=(
        Feature("own", 0, 1.0), Feature("same", 40, 0.5), Feature("other", 25, 0.3), Feature("wide_logits", 200, -0.5),
    ),
    bias=0.25,
)  # fmt: skip
SUFFIXES = [".bed", ".bed.gz", ".gff3", ".gff3.gz", ".narrowPeak", ".narrowPeak.gz"]
BASES = demo_contigs()["demo2"][3_400:3_900]
LENGTH = len(BASES)


@pytest.fixture(autouse=True)
def small_chunks(request, monkeypatch):
    """Small genomes that cross many chunks and lanes."""
    if "long_lanes" in request.keywords:
        return
    monkeypatch.setattr("promscan.commands.scanning.journal.INTERVAL", 0)
    monkeypatch.setattr("promscan.commands.scanning.plan.SHARD_GRID", LANE)
    monkeypatch.setattr(WindowedEngine, "chunk_step", 50)
    for name, value in {"lane": LANE, "shorter": (70,), "warm_up": 70, "chunk_step": LANE}.items():
        monkeypatch.setattr(StreamingEngine, name, value)
    monkeypatch.setattr("promscan.inference.streaming.LANES", {"cpu": 16, "cuda": 16})


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """The tiny model in every way that a scan runs: by windows, along the sequence, screened, graded."""
    folder = tmp_path_factory.mktemp("models")
    network, card = load_model(str(TINY))

    def variant(name, **changes):
        save_model(folder / f"{name}.safetensors", network, dataclasses.replace(card, name=name, **changes))
        return folder / f"{name}.safetensors"

    return {
        "windowed": TINY,
        "streaming": tiny_streaming(),
        "screened": variant("screened", screening=Screening(0.5, -3.0)),
        "graded": variant("graded", calling=RULE),
        "graded streaming": variant("graded-streaming", calling=RULE, engine="streaming"),
    }


KINDS = ["windowed", "streaming", "screened", "graded", "graded streaming"]


def options_of(model, **options):
    chosen = {"to_rank": True, "min_distance": 20} if "graded" in model.stem else {"threshold": 0.1, "min_distance": 30}
    return {"model": model, "strength": None, "device": "cpu", "circular": "all", **chosen, **options}


def scan_of(contigs, **options):
    return list(
        promscan.scan(contigs, **{"model": TINY, "strength": None, "device": "cpu", "circular": "all", **options})
    )


def rotated(bases, by):
    return bases[by:] + bases[:by]


def places(hits, by, length):
    """Strand and tss of hits on a circle that was rotated, as they were before it, with their scores."""
    return {(hit.strand, (hit.tss + by) % length): hit.logit for hit in hits}


# Rotation


@settings(a_few, max_examples=4)
@given(bases=contigs_of(150), data=st.data())
@pytest.mark.parametrize("kind", ["windowed", "graded"])
def test_a_rotated_circle_has_the_rotated_hits(models, kind, bases, data):
    """Models of single windows: to the last bit. Unknown bases and repeats included."""
    by = data.draw(st.integers(0, len(bases) - 1))
    options = options_of(models[kind])
    hits, other = (list(promscan.scan({"c": sequence}, **options)) for sequence in (bases, rotated(bases, by)))
    assert places(other, by, len(bases)) == pytest.approx(
        places(hits, 0, len(bases)), abs=0 if kind == "windowed" else 1e-9
    )


@pytest.mark.slow
@pytest.mark.long_lanes
@pytest.mark.parametrize("model", ["human", "yeast"])
def test_a_rotated_circle_has_the_rotated_hits_with_a_bundled_model(model):
    """Lanes and groups of estimates begin elsewhere, which moves a score by less than 0.001."""
    options = {"model": model, "strength": None, "device": "cpu", "circular": "all", "fp_per_mb": 1000}
    for length, by in ((21_001, 9_999), (5_003, 2_801), (1_500, 700)):
        bases = random_bases(length - 500, seed=length) + BASES
        job = promscan.scan({"c": bases}, **options)
        found = places(job, 0, length)
        turned = places(promscan.scan({"c": rotated(bases, by)}, **options), by, length)
        assert found
        both = found.keys() & turned.keys()
        assert [turned[place] for place in both] == pytest.approx([found[place] for place in both], abs=1e-3)
        for strand, tss in found.keys() ^ turned.keys():
            score = {**found, **turned}[strand, tss]
            scores = [job.calling.threshold, *(
                other for (side, place), other in [*found.items(), *turned.items()]
                if side == strand and place != tss and min(distance := abs(place - tss), length - distance) < 500
            )]  # fmt: skip
            assert min(abs(score - other) for other in scores) < 1e-3, (strand, tss)


def test_every_window_of_a_circle_is_scored_once(models):
    hits = scan_of({"c": BASES}, **EVERY_WINDOW)
    assert len(hits) == len({(hit.start, hit.strand) for hit in hits}) == 2 * LENGTH
    assert {hit.tss for hit in hits} == set(range(LENGTH))
    assert all(hit.tss == tss_of(hit.start, hit.strand) % LENGTH for hit in hits)
    linear = scan_of({"c": BASES}, circular=(), **EVERY_WINDOW)
    logits = {(hit.start, hit.strand): hit.logit for hit in hits}
    assert {(hit.start, hit.strand): hit.logit for hit in linear}.items() <= logits.items()


def test_the_scores_of_a_linear_contig_stay_inside_of_the_circle(models):
    """Only what the origin can reach is different."""
    for kind in ("streaming", "screened"):
        options = options_of(models[kind], min_distance=1)
        circle, line = (
            {
                (hit.start, hit.strand): hit.logit
                for hit in promscan.scan({"c": BASES}, **{**options, "circular": names})
            }
            for names in ("all", ())
        )
        inside = range(LANE + WINDOW, 2 * LANE)
        assert {place: logit for place, logit in circle.items() if place[0] in inside} == {
            place: logit for place, logit in line.items() if place[0] in inside
        }


# The same bytes, however it is run


two = settings(a_few, max_examples=2)
"""For properties whose every example scans several times, with each of the models."""


@two
@given(data=st.data(), bases=contigs_of(150), other=contigs_of(0))
@pytest.mark.parametrize("kind", KINDS)
def test_bytes_do_not_depend_on_chunks_shards_regions_stops_or_files(models, kind, data, bases, other):
    contigs = {"line": other, "circle": bases, "end": other[:90]}
    options = options_of(models[kind], circular=["circle"])
    suffix = data.draw(st.sampled_from(SUFFIXES))
    count = data.draw(st.integers(1, 4))
    with TemporaryDirectory() as name:
        folder = Path(name)
        genome = write_fasta(folder / "genome.fa", contigs, packing=data.draw(st.sampled_from(["plain", "gzip"])))
        if all(contigs.values()) and data.draw(st.booleans(), "index") and genome.read_bytes()[:1] == b">":
            pysam.faidx(str(genome))
        whole = write_hits(promscan.scan(genome, **options), folder / f"whole{suffix}").read_bytes()

        def same(what, job):
            assert write_hits(job, folder / f"{what}{suffix}").read_bytes() == whole, what

        step = data.draw(st.sampled_from([LANE, 2 * LANE]))
        with (
            mock.patch.object(StreamingEngine, "chunk_step", step),
            mock.patch.object(WindowedEngine, "chunk_step", 33),
        ):
            same("chunks", promscan.scan(genome, threads=2, batch_size=1, **options))
        same("memory", promscan.scan(contigs, **options))
        with mock.patch("promscan.io.genome.is_special", return_value=True):
            same("pipe", promscan.scan(genome, **options))

        shards = [
            write_hits(promscan.scan(genome, shard=(i, count), **options), folder / f"{i}{suffix}")
            for i in range(1, count + 1)
        ]
        promscan.merge(random.Random(0).sample(shards, count), folder / f"merged{suffix}")
        assert (folder / f"merged{suffix}").read_bytes() == whole

        journal = folder / "resume"
        for _ in range(data.draw(st.integers(0, 2), "stops")):
            running = iter(promscan.scan(genome, resume=journal, **options))
            list(islice(running, data.draw(st.integers(1, 30), "hits")))
            running.close()
        same("resumed", promscan.scan(genome, resume=journal, **options))


@two
@given(data=st.data(), bases=contigs_of(150))
@pytest.mark.parametrize("kind", KINDS)
def test_regions_keep_hits_of_the_full_scan_by_their_tss(models, kind, data, bases):
    begin = data.draw(st.integers(1, len(bases)))
    end = data.draw(st.integers(begin, len(bases)))
    options = options_of(models[kind])
    hits = list(promscan.scan({"c": bases}, **options))
    inside = list(promscan.scan({"c": bases}, regions=[f"c:{begin}-{end}"], **options))
    assert inside == [hit for hit in hits if begin <= hit.tss + 1 <= end]


def test_intervals_are_excluded_on_both_sides_of_the_origin(tmp_path):
    (tmp_path / "x.bed").write_text(f"c\t0\t10\nc\t{LENGTH - 10}\t{LENGTH}\n")
    hits = scan_of({"c": BASES}, exclude=tmp_path / "x.bed", **EVERY_WINDOW)
    assert {hit.start for hit in hits} == set(range(10, LENGTH - 10 - WINDOW + 1))


def test_strengths_are_those_of_the_sequence_around_the_origin():
    options = {"strength": TINY_STRENGTH, "threshold": 0.01, "min_distance": 10}
    hits, turned = scan_of({"c": BASES}, **options), scan_of({"c": rotated(BASES, 250)}, **options)
    strengths = {(hit.strand, hit.tss): hit.strength for hit in hits}
    assert len(strengths) > 20
    assert None not in strengths.values()
    assert strengths == {(hit.strand, (hit.tss + 250) % LENGTH): hit.strength for hit in turned}


# Files


def rows_of(path):
    text = pysam.BGZFile(str(path)).read() if path.suffix == ".gz" else path.read_bytes()
    return [line.split("\t") for line in text.decode().splitlines() if not line.startswith("#")]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Every window of a circle of 500 bp, in each format."""
    folder, hits = tmp_path_factory.mktemp("hits"), scan_of({"c": BASES}, **EVERY_WINDOW)
    for suffix in SUFFIXES:
        with open_writer(str(folder / f"hits{suffix}"), None, {"model": "tiny"}) as writer:
            for hit in hits:
                writer.write(hit)
    return folder


@pytest.fixture
def files(written, tmp_path):
    shutil.copytree(written, tmp_path / "files")
    return {suffix: tmp_path / "files" / f"hits{suffix}" for suffix in SUFFIXES}


def test_gff3_has_one_row_a_hit_that_ends_past_the_length_and_says_so(files):
    landmark, *rows = rows_of(files[".gff3"])
    assert landmark == ["c", "promscan", "region", "1", "500", ".", ".", ".", "ID=c;Is_circular=true"]
    assert len(rows) == 1000
    for row in rows:
        attributes = dict(pair.split("=") for pair in row[8].split(";"))
        start, end, tss = int(row[3]), int(row[4]), int(attributes["tss"])
        assert end == start + WINDOW - 1
        assert start <= LENGTH
        assert attributes.get("Is_circular") == ("true" if end > LENGTH else None)
        assert attributes["ID"] == f"c_{(tss - 1) % LENGTH}_{row[6]}"
        assert tss == tss_of(start - 1, row[6]) + 1
    assert [(int(row[3]), row[6]) for row in rows] == sorted((int(row[3]), row[6]) for row in rows)


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # gffutils leaves its database to the garbage collector
def test_an_independent_reader_finds_the_circle_and_its_hits(files):
    features = list(gffutils.create_db(str(files[".gff3"]), ":memory:").all_features())
    assert len(features) == 1001
    (circle,) = (feature for feature in features if feature.featuretype == "region")
    assert (circle.start, circle.end, circle.attributes["Is_circular"]) == (1, LENGTH, ["true"])


@pytest.mark.parametrize("suffix", [".bed", ".narrowPeak"])
def test_bed_and_narrowpeak_have_the_part_that_holds_the_tss(files, suffix):
    rows = rows_of(files[suffix])
    assert len({row[3] for row in rows}) == len(rows) == 1000
    assert [int(row[1]) for row in rows] == sorted(int(row[1]) for row in rows)
    parts = 0
    for row in rows:
        start, end = int(row[1]), int(row[2])
        tss = int(row[6]) if suffix == ".bed" else start + int(row[9])
        assert row[3] == f"c_{tss}_{row[5]}"
        assert 0 <= start <= tss < end <= LENGTH
        is_part = end - start < WINDOW
        parts += is_part
        assert not is_part or start == 0 or end == LENGTH
        if suffix == ".bed":
            assert row[12] == ("promoter_over_origin" if is_part else "promoter")
    assert parts == 2 * (WINDOW - 1)


@pytest.mark.parametrize("suffix", [".bed", ".gff3", ".narrowPeak"])
def test_tabix_reads_what_is_over_the_origin(files, suffix):
    with pysam.TabixFile(str(files[f"{suffix}.gz"])) as file:
        assert [line.split("\t") for line in file.fetch("c")] == rows_of(files[suffix])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_evaluate_and_annotate_take_hits_over_the_origin(promscan_cli, tmp_path, files, suffix):
    genome = write_fasta(tmp_path / "genome.fa", {"c": BASES})
    (tmp_path / "tss.bed").write_text(f"c\t3\t4\ta\t0\t+\nc\t{LENGTH - 3}\t{LENGTH - 2}\tb\t0\t+\n")
    outcome = promscan_cli("evaluate", files[suffix], "--tss", tmp_path / "tss.bed", "--genome", genome)
    assert outcome.status == 0, outcome.err
    (tmp_path / "genes.bed").write_text("c\t5\t300\tgene1\t0\t+\nc\t310\t490\tgene2\t0\t-\n")
    annotated = tmp_path / ("annotated.gff3" if "gff3" in suffix else "annotated.tsv")
    sequences = tmp_path / "hits.fa"
    outcome = promscan_cli("annotate", files[suffix], tmp_path / "genes.bed", "-o", annotated)
    assert outcome.status == 0, outcome.err
    lines = [line for line in annotated.read_text().splitlines() if not line.startswith("#")]
    if "gff3" in suffix:
        assert lines.pop(0).startswith("c\tpromscan\tregion\t1\t500\t")
        over = next(line for line in lines if "ID=c_2_+;" in line)
        assert "distance=-3" in over
    assert len(lines) in (1000, 1001)
    outcome = promscan_cli("annotate", files[suffix], "--fasta", sequences, "--genome", genome)
    assert outcome.status == 0, outcome.err
    assert sequences.read_text().count(">") == 1000
    if "gff3" in suffix:
        records = dict(record.split("\n", 1) for record in sequences.read_text()[1:].split("\n>"))
        header = next(name for name in records if name.startswith("c_2_+ "))
        assert records[header].replace("\n", "") == (BASES + BASES)[LENGTH - 31 : LENGTH + 39]


# Tracks


def tracks_in(prefix):
    found = {}
    for strand, name in (("+", "plus"), ("-", "minus")):
        with pyBigWig.open(f"{prefix}.{name}.bw") as file:
            found[strand] = [file.values(chrom, 0, length) for chrom, length in file.chroms().items()]
    return found


@pytest.mark.parametrize("kind", ["windowed", "streaming"])
def test_a_track_of_a_circle_has_a_score_for_each_base(models, tmp_path, kind):
    options = options_of(models[kind], circular=["c"], **EVERY_WINDOW)
    genome = write_fasta(tmp_path / "genome.fa", {"c": BASES, "line": BASES[:200]})
    hits = list(promscan.scan(genome, track=tmp_path / "whole", **options))
    tracks = tracks_in(tmp_path / "whole")
    for hit in hits:
        assert tracks[hit.strand][hit.chrom == "line"][hit.tss] == pytest.approx(hit.logit, abs=6e-4)
    assert not np.isnan(tracks["+"][0] + tracks["-"][0]).any()
    assert np.isnan(tracks["+"][1]).sum() == WINDOW - 1
    for index in (1, 2, 3):
        list(promscan.scan(genome, track=tmp_path / f"{index}", shard=(index, 3), **options))
    for strand in ("plus", "minus"):
        promscan.merge([tmp_path / f"{index}.{strand}.bw" for index in (1, 2, 3)], tmp_path / "merged.bw")
        assert (tmp_path / "merged.bw").read_bytes() == (tmp_path / f"whole.{strand}.bw").read_bytes()
    running = iter(promscan.scan(genome, track=tmp_path / "on", resume=tmp_path / "resume", **options))
    list(islice(running, 300))
    running.close()
    list(promscan.scan(genome, track=tmp_path / "on", resume=tmp_path / "resume", **options))
    assert (tmp_path / "on.plus.bw").read_bytes() == (tmp_path / "whole.plus.bw").read_bytes()


# Which contigs are circles


def test_the_header_names_circles_whatever_they_are_called():
    names = ["a,b", "50%", "x,", "plain", "plain"]
    contigs = dict.fromkeys(names, BASES)
    settings = promscan.scan({**contigs, "a": BASES}, model=TINY, strength=None, circular=names).settings
    read = settings_in([header_line(settings)])
    assert [name for name in (*contigs, "a", "b", "") if is_circle(read, name)] == [*contigs]
    assert joined_names(["plain", "x", "plain"]) == "plain,x"


def test_a_name_that_is_not_there_is_an_error(promscan_cli, tmp_path, monkeypatch):
    genome = write_fasta(tmp_path / "genome.fa", {"chr1": BASES})
    common = ["-o", tmp_path / "hits.bed", "--model", TINY, "--strength", "none", "--circular", "1"]
    outcome = promscan_cli("scan", genome, *common)
    assert (outcome.status, outcome.err.count("\n")) == (1, 1)
    assert "there is no contig '1' (the first one is 'chr1'); check the name ('1' is 'chr1' there)" in outcome.err
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(genome.read_bytes())))
    assert promscan_cli("scan", "-", *common).err.endswith("check the name ('1' is 'chr1' there)\n")
    assert list(tmp_path.iterdir()) == [genome]


def test_a_circle_shorter_than_the_least_distance_is_read_as_linear_which_is_said(promscan_cli, tmp_path):
    bases = BASES[:300]
    genome = write_fasta(tmp_path / "genome.fa", {"plasmid": bases})
    common = [genome, "--model", TINY, "--strength", "none", "--threshold", 0.1, "--min-distance", 301]
    outcome = promscan_cli("scan", *common, "-o", tmp_path / "circle.bed", "--circular", "plasmid")
    assert outcome.err.splitlines()[0] == (
        "warning: circles shorter than 301 bp, the least distance of two hits, were scanned as if they were linear: "
        "1 (plasmid)"
    )
    promscan_cli("scan", *common, "-o", tmp_path / "line.bed")
    assert rows_of(tmp_path / "circle.bed") == rows_of(tmp_path / "line.bed")


def test_a_circle_may_be_shorter_than_what_the_model_sees(models):
    """It is read round and round: the copies of a window lie at least the least distance of two hits away."""
    for kind in KINDS:
        bases = BASES[:90]
        options = options_of(models[kind])
        hits, turned = (list(promscan.scan({"c": sequence}, **options)) for sequence in (bases, rotated(bases, 35)))
        assert hits
        found, other = places(hits, 0, 90), places(turned, 35, 90)
        assert found.keys() == other.keys() or kind in ("streaming", "graded streaming")


def test_a_contig_that_no_circle_is_as_long_as_is_refused(monkeypatch):
    monkeypatch.setattr("promscan.io.chunks.MAX_CIRCLE", 400)
    for contigs in ({"c": BASES}, {"c": BASES, "d": BASES}):
        with pytest.raises(
            InputError, match="contig 'c' has more than 400 bp, more than any circle; name only circles"
        ):
            scan_of(contigs, **EVERY_WINDOW)
    assert scan_of({"c": BASES, "d": BASES[:399]}, circular=["d"], **EVERY_WINDOW)


def test_windows_over_the_origin_lie_on_no_stride():
    with pytest.raises(InputError, match="leave out stride, or circular"):
        scan_of({"c": BASES}, stride=5)


def test_names_are_a_list():
    with pytest.raises(ValueError, match="circular must be 'all' or a list of contigs"):
        scan_of({"c": BASES}, circular="c")


def test_counts_are_those_of_one_round():
    job = promscan.scan({"c": BASES, "line": BASES}, model=TINY, strength=None, device="cpu", circular=["c"])
    list(job)
    counts = job.summary()
    assert (counts["bases"], counts["scored_bases"], counts["circles"]) == (2 * LENGTH, 2 * LENGTH, 1)
    assert counts["windows"] == 2 * LENGTH + 2 * (LENGTH - WINDOW + 1)
    assert job.settings["circular"] == "c"


@pytest.mark.parametrize(
    ("header", "pointed_out"),
    [("c complete genome", True), ("c chromosome, COMPLETE GENOME", True), ("c length=500 circular=true", True),
     ("c [topology=circular]", True), ("c whole genome shotgun sequence", False), ("c circular=false", False)],
)  # fmt: skip
def test_a_header_that_speaks_of_a_circle_is_pointed_out_and_not_believed(promscan_cli, tmp_path, header, pointed_out):
    genome = write_fasta(tmp_path / "genome.fa", {header: BASES, "d": BASES})
    common = ["scan", genome, "--model", TINY, "--strength", "none", "--device", "cpu"]
    outcome = promscan_cli(*common, "-o", tmp_path / "hits.bed")
    hint = f"{genome}: 1 contig may be circular by the header (c); if so, --circular c scans the origin, too"
    assert (hint in outcome.err.splitlines()) == pointed_out
    assert outcome.err.count("\n") == 1 + pointed_out
    assert "circular" not in (tmp_path / "hits.bed").read_text()
    assert promscan_cli(*common, "-o", tmp_path / "hits.bed", "--circular", "c").err.count("\n") == 1
