"""The strengths of hits: those that `promscan score` gives to their inserts, however the scan is run."""

from __future__ import annotations

import dataclasses
import itertools
import random
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import pysam
import pytest
from genomes import (
    EVERY_WINDOW,
    TINY,
    TINY_STRENGTH,
    a_few,
    demo_contigs,
    genomes,
    random_bases,
    scan,
    scan_to_bed,
    write_fasta,
    write_hits,
)
from hypothesis import given
from hypothesis import strategies as st
from written_hits import attributes_of, rows_of

import promscan
from promscan.commands.scanning.hit_strengths import HitStrengths
from promscan.errors import ModelError
from promscan.inference.streaming import StreamingEngine
from promscan.inference.windowed import WindowedEngine
from promscan.networks.weights import load_model, load_strength, save_model
from promscan.strength.reporter import TSS_BEHIND_INSERT

WITH = {"strength": TINY_STRENGTH}
LANE = 140
FIRST, LAST = -TSS_BEHIND_INSERT - 80, -TSS_BEHIND_INSERT - 1
REACH = TSS_BEHIND_INSERT + 80 - 33
"""How far an insert reaches past the window of its hit."""


@pytest.fixture(autouse=True)
def short_lanes(monkeypatch):
    for name, value in {"lane": LANE, "shorter": (70,), "warm_up": 70, "chunk_step": LANE}.items():
        monkeypatch.setattr(StreamingEngine, name, value)


def cut_by_hand(fasta: pysam.FastaFile, hit) -> str:
    """The insert of a hit, by 1-based regions as samtools has them; what lies outside of its contig is left out."""
    first, last = sorted(hit.tss + 1 + (place if hit.strand == "+" else -place) for place in (FIRST, LAST))
    if last < 1 or first > fasta.get_reference_length(hit.chrom):
        return ""
    letters = fasta.fetch(region=f"{hit.chrom}:{max(1, first)}-{last}").upper()
    return letters if hit.strand == "+" else letters[::-1].translate(str.maketrans("ACGT", "TGCA"))


def scores_of(folder: Path, inserts: dict[str, str], model=TINY_STRENGTH):
    path = folder / "inserts.tsv"
    path.write_text("name\tsequence\n" + "".join(f"{name}\t{letters}\n" for name, letters in inserts.items()))
    return {name: (strength, sd) for name, strength, sd in promscan.score(path, model=model, device="cpu")}


@a_few
@given(contigs=genomes(min_length=200))
def test_the_strength_of_a_hit_is_the_score_of_its_insert(tmp_path, model, contigs):
    genome = write_fasta(tmp_path / "genome.fa", contigs)
    (tmp_path / "genome.fa.fai").unlink(missing_ok=True)
    hits = list(promscan.scan(genome, model=model, device="cpu", **EVERY_WINDOW, **WITH))
    with pysam.FastaFile(str(genome)) as fasta:
        inserts = {hit.name: cut_by_hand(fasta, hit) for hit in hits}
    known = {name: letters for name, letters in inserts.items() if sum(map(letters.count, "ACGTU")) >= 72}
    scores = scores_of(tmp_path, known)
    assert {hit.name: (hit.strength, hit.strength_sd) for hit in hits if hit.strength is not None} == scores
    assert {hit.name for hit in hits if hit.strength_sd is None} == inserts.keys() - known.keys()


@pytest.mark.parametrize("strand", "+-")
def test_at_the_end_of_a_contig_a_tenth_may_be_unknown(strand):
    hits = scan({"chr1": random_bases(500, 1)}, strand=strand, **EVERY_WINDOW, **WITH)
    told = {hit.start if strand == "+" else 430 - hit.start: hit.strength is not None for hit in hits}
    assert told == {start: start >= REACH - 8 for start in range(431)}


def test_strength_changes_nothing_else(model):
    contigs = {"chr1": demo_contigs()["demo2"][3_400:4_300]}
    graded = scan(contigs, model=model, threshold=0.2, min_distance=50, **WITH)
    bare = scan(contigs, model=model, threshold=0.2, min_distance=50, strength=None)
    assert any(hit.strength is not None for hit in graded)
    assert [dataclasses.replace(hit, strength=None, strength_sd=None) for hit in graded] == bare


def test_excluded_bases_belong_to_inserts(tmp_path):
    contigs = {"chr1": random_bases(600, 2)}
    (tmp_path / "bed").write_text("chr1\t0\t200\n")
    options = {**EVERY_WINDOW, **WITH}
    allowed = [hit for hit in scan(contigs, **options) if hit.start >= 200]
    assert scan(contigs, exclude=tmp_path / "bed", **options) == allowed


# What must not matter

calling = st.fixed_dictionaries({"threshold": st.just(0.1), "min_distance": st.sampled_from([1, 30, 200])})


@a_few
@given(
    contigs=genomes(),
    options=calling,
    stride=st.sampled_from([1, 60]),
    step=st.integers(20, 300),
    machine=st.fixed_dictionaries({"threads": st.integers(1, 3), "batch_size": st.integers(1, 1000)}),
    packing=st.sampled_from(["plain", "gzip", "bgzip"]),
)
def test_bytes_do_not_depend_on_how_the_scan_is_run(tmp_path, model, contigs, options, stride, step, machine, packing):
    options = {**options, **WITH, "model": model, "stride": stride}
    plain = scan_to_bed(write_fasta(tmp_path / "genome.fa", contigs), **options)
    other = write_fasta(tmp_path / "other.fa", contigs, packing=packing)
    with (
        mock.patch.object(WindowedEngine, "chunk_step", step),
        mock.patch.object(StreamingEngine, "chunk_step", LANE * (1 + step % 3)),
    ):
        assert scan_to_bed(other, **options, **machine) == plain


@a_few
@given(data=st.data(), bases=genomes(min_length=300).map(lambda contigs: "".join(contigs.values())), options=calling)
def test_a_region_has_the_strengths_of_the_full_scan(model, data, bases, options):
    begin = data.draw(st.integers(1, len(bases)))
    end = data.draw(st.integers(begin, len(bases)))
    options = {**options, **WITH, "model": model}
    whole = [hit for hit in scan({"chr1": bases}, **options) if begin <= hit.tss + 1 <= end]
    index = data.draw(st.booleans(), "index")
    assert scan({"chr1": bases}, index=index, regions=[f"chr1:{begin}-{end}"], **options) == whole


@a_few
@given(contigs=genomes(), options=calling, count=st.integers(1, 4), suffix=st.sampled_from([".bed", ".gff3"]))
def test_merged_shards_are_the_undivided_scan(model, contigs, options, count, suffix):
    options = {**options, **WITH, "model": model, "device": "cpu"}
    with TemporaryDirectory() as name:
        folder = Path(name)
        genome = write_fasta(folder / "genome.fa", contigs)
        whole = write_hits(promscan.scan(genome, **options), folder / f"whole{suffix}")
        shards = [
            write_hits(promscan.scan(genome, shard=(i, count), **options), folder / f"{i}{suffix}")
            for i in range(1, count + 1)
        ]
        promscan.merge(random.Random(0).sample(shards, count), folder / f"merged{suffix}")
        assert (folder / f"merged{suffix}").read_bytes() == whole.read_bytes()


@a_few
@given(contigs=genomes(), options=calling, stops=st.lists(st.integers(1, 200), min_size=1, max_size=3))
def test_a_scan_that_was_stopped_ends_in_the_same_bytes(tmp_path, model, contigs, options, stops):
    options = {**options, **WITH, "model": model, "device": "cpu"}
    genome, folder = write_fasta(tmp_path / "genome.fa", contigs), tmp_path / "hits.bed.resume"
    with (
        mock.patch("promscan.commands.scanning.journal.INTERVAL", 0),
        mock.patch.object(WindowedEngine, "chunk_step", 50),
    ):
        for hits in stops:
            running = iter(promscan.scan(genome, resume=folder, **options))
            for _ in islice(running, hits):
                pass
            running.close()
        resumed = promscan.scan(genome, resume=folder, **options)
        whole = write_hits(promscan.scan(genome, **options), tmp_path / "whole.bed").read_bytes()
        assert write_hits(resumed, tmp_path / "hits.bed").read_bytes() == whole
        resumed.finish()


@pytest.mark.parametrize("done", [None, ("chr2", 2900)])
def test_chunks_stay_in_memory_only_until_their_windows_are_decided(monkeypatch, tmp_path, done):
    """A resumed scan does so too; it reads what is done without calling hits in it."""
    genome = promscan.scan(
        write_fasta(tmp_path / "genome.fa", {f"chr{i}": random_bases(3000, i) for i in range(4)}),
        model=TINY, device="cpu", **WITH,
    ).plan.genome  # fmt: skip
    strengths = HitStrengths(mock.Mock(), delay=120)
    most = 0
    for chunk in strengths.keep(genome.read_chunks(100), done):
        most = max(most, len(strengths._chunks))
        end = chunk.start + chunk.windows
        if done is None or chunk.chrom > done[0]:
            strengths.forget(chunk.chrom, end - 1)
    assert most <= 4


# Off


def test_without_a_strength_model_none_is_loaded_and_nothing_changes(promscan_cli, tmp_path):
    genome = write_fasta(tmp_path / "genome.fa", {"chr1": demo_contigs()["demo2"][3_400:4_300]})
    common = ("scan", genome, "--model", TINY, "--device", "cpu", "--quiet", "--threshold", 0.2)
    with mock.patch("promscan.commands.scanning.run.load_strength", side_effect=AssertionError):
        outcome = promscan_cli(*common, "--strength", "none", "-o", tmp_path / "hits.bed")
    assert (outcome.status, outcome.err) == (0, "")
    assert "strength" not in (tmp_path / "hits.bed").read_text().splitlines()[0]
    assert {tuple(row[10:12]) for row in rows_of(tmp_path / "hits.bed")} == {(".", ".")}


# What the files say


@pytest.fixture
def files(promscan_cli, tmp_path):
    genome = write_fasta(tmp_path / "genome.fa", {"chr1": demo_contigs()["demo2"][3_400:4_300]})

    def run(suffix: str, *options):
        path = tmp_path / f"hits{suffix}"
        common = ("--model", TINY, "--device", "cpu", "--threshold", 0.2, "--min-distance", 20)
        outcome = promscan_cli("scan", genome, "-o", path, *common, "--strength", TINY_STRENGTH, *options)
        assert outcome.status == 0, outcome.err
        return path, outcome

    return run


def test_the_header_names_model_unit_domain_and_insert(files):
    path, _ = files(".bed", "--shard", "1/1")
    words = dict(word.split("=", 1) for word in path.read_text().splitlines()[0].split()[2:])
    _, card = load_strength(str(TINY_STRENGTH))
    told = {key: value for key, value in words.items() if key.startswith("strength")}
    assert told == {
        "strength_model": "tiny-strength",
        "strength_sha256": card.sha256,
        "strength_unit": "expression",
        "strength_domain": "made-up%20expression",
        "strength_insert": f"{FIRST}..{LAST}",
    }
    assert list(words)[-2:] == ["shard", "genome"]


def test_gff3_repeats_them_with_each_strength(files):
    rows = rows_of(files(".gff3")[0])
    about = {"strength_unit": "expression", "strength_domain": "made-up expression"}
    about["strength_insert"] = f"{FIRST}..{LAST}"
    graded = [attributes_of(row) for row in rows if "strength" in attributes_of(row)]
    assert graded
    assert len(graded) < len(rows)
    assert all(about.items() <= attributes.items() for attributes in graded)
    assert all("strength" not in row[8] for row in rows if "strength" not in attributes_of(row))


def test_bed_and_gff3_have_the_same_strengths(files):
    bed = {row[3]: tuple(row[10:12]) for row in rows_of(files(".bed")[0]) if row[10] != "."}
    told = [attributes_of(row) for row in rows_of(files(".gff3")[0])]
    assert {a["ID"]: (a["strength"], a["strength_sd"]) for a in told if "strength" in a} == bed


def test_a_domain_that_the_card_does_not_name_is_that_of_its_species(tmp_path):
    network, card = load_strength(str(TINY_STRENGTH))
    strength = dataclasses.replace(card.strength, domain="")
    save_model(tmp_path / "x.safetensors", network, dataclasses.replace(card, strength=strength))
    genome = write_fasta(tmp_path / "genome.fa", {"chr1": random_bases(100, 1)})
    settings = promscan.scan(genome, model=TINY, strength=tmp_path / "x.safetensors").settings
    assert settings["strength_domain"] == "relative expression in a reporter, made up"


def warnings_of(outcome):
    return [line for line in outcome.err.splitlines() if line.startswith("warning: ")]


def test_a_strength_model_of_another_species_that_the_user_names_is_warned_of_once(files, tmp_path):
    warning = (
        "warning: the strength model tiny-strength is for made up, and the model of the scan, tiny, for Homo sapiens"
    )
    (line,) = warnings_of(files(".bed")[1])
    assert line.startswith(warning)
    network, card = load_model(str(TINY))
    save_model(tmp_path / "kin.safetensors", network, dataclasses.replace(card, species="made up"))
    assert warnings_of(files(".bed", "--model", tmp_path / "kin.safetensors")[1]) == []
    assert files(".bed", "--quiet")[1].err == ""


def test_the_default_strength_model_gives_no_warning_unless_it_is_named(promscan_cli, tmp_path):
    genome = write_fasta(tmp_path / "genome.fa", {"chr1": demo_contigs()["demo2"][3_400:4_300]})
    common = ("scan", genome, "--model", TINY, "--device", "cpu", "-o", tmp_path / "hits.bed")
    outcome = promscan_cli(*common)
    assert outcome.status == 0
    assert warnings_of(outcome) == []
    assert "relative expression in a yeast reporter" in outcome.err
    (line,) = warnings_of(promscan_cli(*common, "--strength", "yeast-strength"))
    assert "yeast-strength is for Saccharomyces cerevisiae" in line


def test_shards_of_different_strength_models_are_refused(promscan_cli, files, tmp_path):
    network, card = load_strength(str(TINY_STRENGTH))
    network.widening.fill_(2.0)
    save_model(tmp_path / "tiny-strength.safetensors", network, card)
    files(".bed", "--shard", "1/2")[0].rename(tmp_path / "1.bed")
    path, _ = files(".bed", "--shard", "2/2", "--strength", tmp_path / "tiny-strength.safetensors")
    outcome = promscan_cli("merge", tmp_path / "1.bed", path, "-o", tmp_path / "merged.bed")
    assert outcome.status == 1
    assert "strength_sha256 is " in outcome.err


def test_a_scan_goes_on_only_with_its_strength_model(tmp_path):
    genome, folder = write_fasta(tmp_path / "genome.fa", {"chr1": random_bases(300, 1)}), tmp_path / "journal"
    running = iter(promscan.scan(genome, resume=folder, model=TINY, **EVERY_WINDOW, **WITH))
    next(running)
    running.close()
    with pytest.raises(promscan.PromscanError, match="strength_model is tiny-strength here and absent"):
        list(promscan.scan(genome, resume=folder, model=TINY, strength=None, **EVERY_WINDOW))


@pytest.mark.parametrize(
    ("strength", "complaint"),
    [("nosuch", "no model 'nosuch'"), (TINY, "a classifier, which knows nothing of strength")],
)
def test_what_is_no_strength_model_is_refused(tmp_path, strength, complaint):
    with pytest.raises(ModelError, match=complaint):
        scan({"chr1": "ACGT" * 50}, strength=strength)


def test_units_of_one_shape_give_one_strength_at_any_row(tmp_path):
    inserts = {str(number): random_bases(80, number) for number in range(300)}
    scores = scores_of(tmp_path, inserts)
    turned = scores_of(tmp_path, dict(itertools.islice(reversed(inserts.items()), 211)))
    assert turned == {name: scores[name] for name in turned}
