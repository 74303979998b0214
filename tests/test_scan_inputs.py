"""What a scan takes in: several files, folders, contigs to skip, lists of more contigs; and what it points out."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from genomes import TINY, demo_contigs, random_bases, write_fasta

import promscan
from promscan.cli import cli
from promscan.commands.scanning.hints import Composition, species_hint
from promscan.errors import InputError, RunError
from promscan.io.genome import Genome
from promscan.io.genome_files import fasta_files, outputs_in
from promscan.networks.card import read_card
from promscan.networks.model_files import find_model
from promscan.seq.dna import encode

BASES = demo_contigs()["demo2"][3_400:3_900]
COMMON = ("--model", TINY, "--strength", "none", "--device", "cpu", "--threshold", "0.5")
CONTIGS = {"chr1": BASES, "chr2": BASES[:300], "chr3": BASES[100:400]}


def rows_of(path):
    return [line.split("\t") for line in path.read_text().splitlines() if not line.startswith("#")]


@pytest.fixture
def folder(tmp_path):
    """Three files of one contig each, and what lies around in such folders."""
    (folder := tmp_path / "genomes").mkdir()
    write_fasta(folder / "a.fa", {"chr1": CONTIGS["chr1"]})
    write_fasta(folder / "b.fna.gz", {"chr2": CONTIGS["chr2"]}, packing="gzip")
    write_fasta(folder / "C.FASTA", {"chr3": CONTIGS["chr3"]})
    for name in ("a.gff3", "proteins.faa", "genes.ffn", ".hidden.fa", "README"):
        (folder / name).write_text("not a genome")
    (folder / "more.fa").mkdir()
    return folder


# Several files


def test_several_files_or_a_folder_are_one_genome_if_the_output_is_a_file(promscan_cli, tmp_path, folder):
    whole = write_fasta(tmp_path / "whole.fa", {"chr3": CONTIGS["chr3"], "chr1": BASES, "chr2": CONTIGS["chr2"]})
    promscan_cli("scan", whole, "-o", tmp_path / "whole.bed", *COMMON)
    files = [folder / "C.FASTA", folder / "a.fa", folder / "b.fna.gz"]
    for genomes in ([folder], files):
        outcome = promscan_cli("scan", *genomes, "-o", tmp_path / "hits.bed", *COMMON)
        assert outcome.status == 0, outcome.err
        assert (tmp_path / "hits.bed").read_bytes() == (tmp_path / "whole.bed").read_bytes()
    promscan_cli("scan", whole, "-o", tmp_path / "part.bed", *COMMON, "--region", "chr2", "--region", "chr1:1-200")
    promscan_cli("scan", folder, "-o", tmp_path / "hits.bed", *COMMON, "--region", "chr2", "--region", "chr1:1-200")
    assert (tmp_path / "hits.bed").read_bytes() == (tmp_path / "part.bed").read_bytes()
    hits = list(promscan.scan(files, model=TINY, strength=None, device="cpu", threshold=0.5))
    assert len(hits) == len(rows_of(tmp_path / "whole.bed")) > 0


def test_each_file_is_a_genome_if_the_output_is_a_folder(promscan_cli, tmp_path, folder):
    out = tmp_path / "hits"
    summaries = f"{tmp_path}/summaries/"
    outcome = promscan_cli("scan", folder, "-o", f"{out}/", "--summary", summaries, "--resume", *COMMON)
    assert outcome.status == 0, outcome.err
    assert sorted(path.name for path in out.iterdir()) == ["C.bed", "a.bed", "b.bed"]
    names = {f"{stem}{end}" for stem in "Cab" for end in (".json", ".contigs.tsv", "_mqc.json")}
    assert {path.name for path in (tmp_path / "summaries").iterdir()} == names
    assert json.loads((tmp_path / "summaries" / "b.json").read_text())["bases"] == 300
    for name, genome in (("a.bed", "a.fa"), ("b.bed", "b.fna.gz"), ("C.bed", "C.FASTA")):
        promscan_cli("scan", folder / genome, "-o", tmp_path / name, *COMMON)
        assert (out / name).read_bytes() == (tmp_path / name).read_bytes()
    assert promscan_cli("scan", folder / "a.fa", "-o", out, "--format", "narrowpeak", *COMMON).status == 0
    assert rows_of(out / "a.narrowPeak")


def test_each_genome_of_a_folder_has_its_tracks(promscan_cli, tmp_path, folder):
    out, tracks = tmp_path / "hits", tmp_path / "tracks"
    outcome = promscan_cli("scan", folder, "-o", f"{out}/", "--track", tracks, *COMMON)
    assert outcome.status == 1
    assert "tracks: is no folder, and" in outcome.err
    assert promscan_cli("scan", folder, "-o", f"{out}/", "--track", f"{tracks}/", *COMMON).status == 0
    assert {path.name for path in tracks.iterdir()} == {
        f"{stem}.{strand}.bw" for stem in "Cab" for strand in ("plus", "minus")
    }
    promscan_cli("scan", folder / "a.fa", "-o", tmp_path / "a.bed", "--track", tmp_path / "a", *COMMON)
    assert (tracks / "a.plus.bw").read_bytes() == (tmp_path / "a.plus.bw").read_bytes()


def test_a_folder_of_genomes_goes_on_where_it_was_stopped(promscan_cli, tmp_path, folder):
    """The journals of finished genomes stay until all are done."""
    (folder / "C.FASTA").unlink()
    (folder / "d.fa").write_text("broken")
    command = ["scan", folder, "-o", f"{tmp_path}/hits/", "--resume", *COMMON]
    outcome = promscan_cli(*command)
    assert outcome.status == 1
    assert outcome.err.splitlines()[-1].startswith(f"promscan: error: {folder}/d.fa, line 1: expected '>'")
    out = tmp_path / "hits"
    assert sorted(path.name for path in out.iterdir()) == ["a.bed", "a.bed.resume", "b.bed", "b.bed.resume"]
    write_fasta(folder / "d.fa", {"chr4": BASES})
    assert promscan_cli(*command).status == 0
    assert sorted(path.name for path in out.iterdir()) == ["a.bed", "b.bed", "d.bed"]


def test_a_name_that_comes_in_two_files_is_refused(promscan_cli, tmp_path, folder):
    write_fasta(folder / "d.fa", {"chr1": BASES})
    outcome = promscan_cli("scan", folder, "-o", tmp_path / "hits.bed", *COMMON)
    assert (outcome.status, outcome.err.count("\n")) == (1, 1)
    assert outcome.err.startswith(f"promscan: error: {folder}/d.fa: contig 'chr1' is in {folder}/a.fa, too; rename one")
    assert not (tmp_path / "hits.bed").exists()


def test_what_has_no_name_for_its_output_is_refused(promscan_cli, tmp_path, folder):
    (tmp_path / "out").mkdir()
    write_fasta(folder / "a.fasta", CONTIGS)
    for genomes, options, message in (
        ([folder], [], "a.fasta and "),
        (["-"], [], "standard input has no name"),
        ([folder / "a.fa"], ["--summary", tmp_path / "s.json"], "is no folder, and "),
        ([tmp_path / "out"], [], "no file in it ends in .fa, .fasta, .fna, .fas"),
        ([folder / "a.fa"], ["--format", "gff3", "--columns", "bed6"], "only BED can have the columns bed6"),
    ):
        outcome = promscan_cli("scan", *genomes, "-o", tmp_path / "out", *COMMON, *options)
        assert (outcome.status, outcome.err.count("\n")) == (1, 1)
        assert message in outcome.err
        assert list((tmp_path / "out").iterdir()) == []


def test_a_missing_file_is_found_before_the_first_scan(promscan_cli, tmp_path, folder):
    outcome = promscan_cli("scan", folder / "a.fa", folder / "z.fa", "-o", f"{tmp_path}/out/", *COMMON)
    assert (outcome.status, outcome.err.count("\n")) == (1, 1)
    assert f"{folder}/z.fa: " in outcome.err
    assert list((tmp_path / "out").iterdir()) == []


def test_a_pipe_is_a_genome_alone(promscan_cli, tmp_path, folder):
    outcome = promscan_cli("scan", folder / "a.fa", "-", "-o", tmp_path / "hits.bed", *COMMON)
    assert "standard input: is read only once, and cannot be one of several files; save it" in outcome.err


def test_outputs_are_called_after_their_genomes():
    genomes = ["x/GCF_000005845.2_ASM584v2_genomic.fna.gz", "b.FA", "odd.txt", "c.fas.zst", ".fa"]
    assert outputs_in("o", genomes, ".bed") == [
        "o/GCF_000005845.2_ASM584v2_genomic.bed", "o/b.bed", "o/odd.txt.bed", "o/c.bed", "o/.fa.bed",
    ]  # fmt: skip
    with pytest.raises(RunError, match=re.escape("x/a.fa and y/a.fna would both be written to o/a.bed")):
        outputs_in("o", ["y/a.fna", "x/a.fa"], ".bed")


def test_no_genome_is_an_error():
    with pytest.raises(InputError, match="empty list"):
        promscan.scan([], model=TINY, strength=None)
    assert fasta_files(["a.fa", "-"]) == ["a.fa", "-"]


# Contigs that are skipped


def test_shorter_contigs_are_skipped_and_counted_and_said_once(promscan_cli, tmp_path):
    genome = write_fasta(tmp_path / "genome.fa", {**CONTIGS, "chr4": "ACGT" * 10, "chr5": BASES[:301]})
    every = promscan_cli("scan", genome, "-o", tmp_path / "all.bed", *COMMON)
    assert every.err.splitlines()[0] == "warning: skipped contigs shorter than 70 bp: 1 (chr4)"
    common = ["scan", genome, "-o", tmp_path / "hits.bed", *COMMON, "--min-length", 301]
    for more in ([], ["--circular", "all"]):
        outcome = promscan_cli(*common, "--summary", tmp_path / "s.json", *more)
        assert outcome.err.splitlines()[0] == "skipped contigs shorter than 301 bp: 3 (chr2, chr3, chr4)"
        assert outcome.err.count("skipped") == 1
        counts = json.loads((tmp_path / "s.json").read_text())
        assert (counts["contigs"], counts["skipped_contigs"]) == (5, 3)
    promscan_cli(*common)
    kept = [row for row in rows_of(tmp_path / "all.bed") if row[0] in ("chr1", "chr5")]
    assert rows_of(tmp_path / "hits.bed") == kept
    assert len(kept) > 2
    assert " min_length=301" in (tmp_path / "hits.bed").read_text()
    promscan_cli(*common, "--region", "chr2", "--region", "chr5")
    assert rows_of(tmp_path / "hits.bed") == [row for row in kept if row[0] == "chr5"]


def test_skipped_contigs_belong_to_the_shards_as_others_do(promscan_cli, tmp_path):
    genome = write_fasta(tmp_path / "genome.fa", CONTIGS)
    common = [*COMMON, "--min-length", 301, "--quiet"]
    for i in (1, 2, 3):
        promscan_cli("scan", genome, "-o", tmp_path / f"{i}.bed", "--shard", f"{i}/3", *common)
    promscan_cli("merge", *(tmp_path / f"{i}.bed" for i in (1, 2, 3)), "-o", tmp_path / "merged.bed")
    promscan_cli("scan", genome, "-o", tmp_path / "whole.bed", *common)
    assert (tmp_path / "merged.bed").read_bytes() == (tmp_path / "whole.bed").read_bytes()


def test_skipped_contigs_were_not_scanned_when_hits_are_judged(promscan_cli, tmp_path):
    genome = write_fasta(tmp_path / "genome.fa", CONTIGS)
    (tmp_path / "tss.bed").write_text("chr1\t200\t201\ta\t0\t+\nchr2\t200\t201\tb\t0\t+\n")
    for options, starts in (((), 2), (("--min-length", 301), 1)):
        promscan_cli("scan", genome, "-o", tmp_path / "hits.bed", *COMMON, *options)
        arguments = ("--tss", tmp_path / "tss.bed", "--genome", genome, "--json", tmp_path / "m.json")
        outcome = promscan_cli("evaluate", tmp_path / "hits.bed", *arguments)
        assert outcome.status == 0, outcome.err
        assert f"{starts} " in outcome.err + outcome.out
        (tmp_path / "m.json").unlink()


# Columns


def test_bed6_has_six_columns_and_no_comments(promscan_cli, tmp_path):
    genome = write_fasta(tmp_path / "genome.fa", CONTIGS)
    promscan_cli("scan", genome, "-o", tmp_path / "full.bed", *COMMON)
    for name in ("six.bed", "six.bed.gz"):
        assert promscan_cli("scan", genome, "-o", tmp_path / name, *COMMON, "--columns", "bed6").status == 0
    lines = (tmp_path / "six.bed").read_text().splitlines()
    assert [line.split("\t") for line in lines] == [row[:6] for row in rows_of(tmp_path / "full.bed")]
    assert (tmp_path / "six.bed.gz.tbi").exists()
    circle = promscan_cli("scan", genome, "-o", "-", *COMMON, "--columns", "bed6", "--circular", "all", "--quiet")
    assert {line.count("\t") for line in circle.out.splitlines()} == {5}
    empty = write_fasta(tmp_path / "n.fa", {"chr1": "N" * 200})
    promscan_cli("scan", empty, "-o", tmp_path / "six.bed", *COMMON, "--columns", "bed6", "--region", "chr1")
    assert (tmp_path / "six.bed").read_bytes() == b""


def test_bed6_is_no_shard(promscan_cli, tmp_path):
    genome = write_fasta(tmp_path / "genome.fa", CONTIGS)
    outcome = promscan_cli("scan", genome, "-o", tmp_path / "x.bed", *COMMON, "--columns", "bed6", "--shard", "1/2")
    assert outcome.status == 2
    assert "which 'promscan merge' needs" in outcome.err


# Lists of more contigs


def test_a_list_may_name_contigs_that_the_genome_lacks(promscan_cli, tmp_path):
    genome = write_fasta(tmp_path / "genome.fa", CONTIGS)
    (tmp_path / "all.bed").write_text("chr2\t0\t200\n2\t0\t9\nchrUn\t0\t5\n2\t20\t30\n")
    (tmp_path / "some.bed").write_text("chr2\t0\t200\n")
    for option in ("--bed", "--exclude"):
        outcome = promscan_cli("scan", genome, "-o", tmp_path / "all.hits.bed", *COMMON, option, tmp_path / "all.bed")
        assert outcome.err.splitlines()[0] == (
            f"{tmp_path}/all.bed: intervals on 2 contigs that the genome lacks, such as '2', left out ('2' is 'chr2' "
            "there)"
        )
        promscan_cli("scan", genome, "-o", tmp_path / "hits.bed", *COMMON, option, tmp_path / "some.bed")
        assert (tmp_path / "all.hits.bed").read_bytes() == (tmp_path / "hits.bed").read_bytes()
    regions = ["--region", "chr2:1-200", "--region", "2:1-100", "--region", "chrUn"]
    outcome = promscan_cli("scan", genome, "-o", tmp_path / "all.hits.bed", *COMMON, *regions)
    assert outcome.err.splitlines()[0] == (
        "warning: 2 regions of contigs that the genome lacks, such as 2:1-100, left out ('2' is 'chr2' there)"
    )
    promscan_cli("scan", genome, "-o", tmp_path / "hits.bed", *COMMON, "--bed", tmp_path / "some.bed")
    assert (tmp_path / "all.hits.bed").read_bytes() == (tmp_path / "hits.bed").read_bytes()


def test_a_list_without_a_contig_of_the_genome_is_an_error(promscan_cli, tmp_path):
    genome = write_fasta(tmp_path / "genome.fa", CONTIGS)
    (tmp_path / "x.bed").write_text("1\t0\t200\nchrUn\t0\t9\n")
    for option in ("--bed", "--exclude"):
        outcome = promscan_cli("scan", genome, "-o", tmp_path / "hits.bed", *COMMON, option, tmp_path / "x.bed")
        assert (outcome.status, outcome.err.count("\n")) == (1, 1)
        assert "the genome has no contig '1'" in outcome.err
        assert "('1' is 'chr1' there)" in outcome.err
    (tmp_path / "x.bed").write_text("0\t0\t200\n2\t0\t9\n")  # another contig than the first has the name
    assert (
        "('2' is 'chr2' there)"
        in promscan_cli("scan", genome, "-o", "hits.bed", *COMMON, "--bed", tmp_path / "x.bed").err
    )
    outcome = promscan_cli("scan", genome, "-o", tmp_path / "hits.bed", *COMMON, "--region", "1", "--region", "Un")
    assert "region '1': there is no contig '1'" in outcome.err


# Hints


def composition_of(bases):
    composition = Composition()
    for begin in range(0, len(bases), 70_000):
        codes = encode(bases[max(0, begin - 1) : begin + 70_000])
        composition.add(codes[min(1, begin) :], codes[: min(1, begin)])
    return composition


def depleted(length, seed):
    """Random bases where four of five CpG have become TpG, as in a vertebrate."""
    bases = np.array(list(random_bases(length, seed)))
    cpg = np.flatnonzero((bases[:-1] == "C") & (bases[1:] == "G"))
    bases[cpg[np.arange(len(cpg)) % 5 > 0]] = "T"
    return "".join(bases)


@pytest.mark.parametrize(
    ("model", "bases", "hinted"),
    [
        ("human", random_bases(600_000, 1), True),
        ("human", depleted(600_000, 1), False),
        ("human", random_bases(400_000, 1), False),
        ("yeast", random_bases(600_000, 1), False),
    ],
    ids=["as by chance", "like a vertebrate", "too small to say", "another model"],
)
def test_a_genome_that_is_not_human_is_pointed_out(model, bases, hinted):
    hint = species_hint(read_card(find_model(model)), "x.fa", composition_of(bases))
    assert (hint is not None) == hinted
    if hint is not None:
        assert hint.startswith("x.fa: 0.6 Mb with 99% of the CpG that chance makes is no genome of Homo sapiens, ")
        assert "--model yeast for Saccharomyces cerevisiae" in hint
        assert "core70" not in hint
        assert "strength" not in hint


def test_large_genomes_are_not_judged():
    composition = composition_of(random_bases(600_000, 1))
    composition.bases = 100_000_001
    counted = composition.cytosines
    composition.add(encode("CG" * 100), encode(""))
    assert composition.cytosines == counted
    assert species_hint(read_card(find_model("human")), "x.fa", composition) is None


@pytest.mark.parametrize(("options", "hinted"), [((), True), (("--model", "human"), False), (("--quiet",), False),
                                                 (("--region", "chr1"), False)])  # fmt: skip
def test_a_hint_is_said_once_and_only_for_the_default_model(promscan_cli, tmp_path, monkeypatch, options, hinted):
    monkeypatch.setattr("promscan.commands.scanning.hints.FEWEST_BASES", 400)
    (folder := tmp_path / "genomes").mkdir()
    for name in ("a", "b"):
        write_fasta(folder / f"{name}.fa", {"chr1 complete genome": random_bases(500, 1)})
    common = ["--strength", "none", "--device", "cpu", "--fp-per-mb", 1000]
    outcome = promscan_cli("scan", folder, "-o", f"{tmp_path}/out/", *common, *options)
    assert outcome.status == 0, outcome.err
    assert outcome.err.count("is no genome of Homo sapiens") == hinted
    assert outcome.err.count("may be circular by the header") == (options in ((), ("--model", "human")))


@pytest.mark.shared
def test_no_human_or_mouse_sequence_is_taken_for_another_species(shared_data):
    card = read_card(find_model("human"))
    kinds = {
        "human/extra_contigs.fa": False, "human/hg38_contigs.fa": False, "mouse/mm10_windows.fa.gz": False,
        "pombe/ASM294v2_without_III.fa.gz": True, "yeast/R64-1-1_without_IV_XI.fa": True,
        "bacteria/genomes.fa.gz": True,
    }  # fmt: skip
    for path, hinted in kinds.items():
        for chunk in Genome(shared_data / path).read_chunks(1 << 40):
            composition = Composition()
            composition.add(chunk.codes, encode(""))
            if composition.bases >= 500_000:
                assert (species_hint(card, path, composition) is not None) == hinted, chunk.chrom


def test_the_help_shows_several_genomes(promscan_cli):
    assert "scan [OPTIONS] GENOME..." in promscan_cli("scan", "--help").out
    assert cli.commands["scan"].params[0].name == "genomes"
