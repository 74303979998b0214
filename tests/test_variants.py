"""Variants: aligned forms agree, what does not change is zero, strands are alike, and records pass through."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pysam
import pytest
from genomes import (
    DEMO,
    TINY_STRENGTH,
    a_few,
    demo_contigs,
    promoter_of_the_demo,
    random_bases,
    tiny_streaming,
    write_fasta,
)
from hypothesis import given
from hypothesis import strategies as st

import promscan
from promscan.commands.variants import VariantEffect
from promscan.commands.variation.alleles import edit_of
from promscan.commands.variation.haplotypes import haplotypes_of
from promscan.errors import InputError
from promscan.io.vcf import Record
from promscan.seq import dna

HEADER = """##fileformat=VCFv4.2
##contig=<ID=demo1,length=30000>
##FILTER=<ID=q10,Description="low">
##INFO=<ID=AC,Number=A,Type=Integer,Description="count">
##FORMAT=<ID=GT,Number=1,Type=String,Description="genotype">
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tone\ttwo
"""


def effects(contigs: dict[str, str], *variants: tuple[str, int, str, str], **options: Any) -> list[VariantEffect]:
    options = {"model": tiny_streaming(), "strength": None, "device": "cpu", "threads": 1, **options}
    return list(promscan.variants(variants, contigs, **options))


def complement(bases: str) -> str:
    return dna.decode(dna.reverse_complement(dna.encode(bases)))


def demo_base(position: int, length: int = 1) -> str:
    """Bases of demo1 from a position that counts from 1."""
    return demo_contigs()["demo1"][position - 1 : position - 1 + length].upper()


def write_vcf(path: Path, *rows: str, header: str = HEADER) -> Path:
    path.write_text(header + "".join(row.replace(" ", "\t") + "\n" for row in rows))
    return path


def info_of(line: str) -> dict[str, str]:
    return dict(field.partition("=")[::2] for field in line.split("\t")[7].split(";"))


@pytest.fixture
def annotate(promscan_cli: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    def run(vcf: Path | str, *options: object, output: str = "out.vcf") -> Any:
        model = ("--model", tiny_streaming(), "--strength", "none", "-t", 1, "--device", "cpu")
        return promscan_cli("variants", vcf, "--genome", DEMO, "-o", tmp_path / output, *model, *options)

    return run


def test_a_snv_is_an_edit_of_one_base():
    edit = edit_of(dna.encode("ACGTA"), 2, dna.encode("G"), dna.encode("T"))
    assert (edit.start, edit.end, edit.first, edit.last) == (2, 3, 2, 3)
    assert dna.decode(edit.bases) == "T"


def test_a_deletion_in_a_repeat_is_left_aligned_and_knows_how_far_it_moves():
    codes = dna.encode("TTCACACAGG")
    edit = edit_of(codes, 5, dna.encode("ACA"), dna.encode("A"))
    assert (edit.start, edit.end, edit.first, edit.last) == (2, 4, 2, 8)


@given(st.data())
def test_all_ways_to_write_an_indel_are_one_edit(data: st.DataObject):
    bases = data.draw(st.text("AC", min_size=6, max_size=24))
    codes = dna.encode(bases)
    position = data.draw(st.integers(0, len(bases) - 1))
    length = data.draw(st.integers(1, len(bases) - position))
    other = data.draw(st.text("AC", max_size=6))
    wanted = bases[:position] + other + bases[position + length :]
    forms = []
    for start in range(len(bases)):
        for end in range(start, len(bases) + 1):
            inserted = len(wanted) - len(bases) + end - start
            if inserted >= 0 and bases[:start] + wanted[start : start + inserted] + bases[end:] == wanted:
                forms.append(edit_of(codes, start, codes[start:end], dna.encode(wanted[start : start + inserted])))
    first = edit_of(codes, position, codes[position : position + length], dna.encode(other))
    assert dna.decode(first.piece(codes, 0, len(codes) + first.shift)) == wanted
    if first.start == first.end or not len(first.bases):
        pure = [form for form in forms if form.start == form.end or not len(form.bases)]
        if not first.changes_nothing:
            assert {(form.start, form.end, form.first, form.last, dna.decode(form.bases)) for form in pure} == {
                (first.start, first.end, first.first, first.last, dna.decode(first.bases))
            }


def test_an_allele_that_is_the_reference_changes_exactly_nothing():
    (found,) = effects(demo_contigs(), ("demo1", 21399, demo_base(21400), demo_base(21400)))
    assert found.effect is not None
    assert found.effect.difference == 0
    assert found.effect.position is None
    assert {change.change for change in found.effect.hits} <= {"same"}


def test_scores_are_those_of_a_scan_of_the_changed_genome():
    bases = demo_contigs()["demo1"][20000:24000].upper()
    alternative = "ACG" if bases[1400] != "A" else "TCG"
    changed = bases[:1400] + alternative + bases[1401:]
    (found,) = effects({"x": bases}, ("x", 1400, bases[1400], alternative))
    assert found.effect is not None
    options = {"model": tiny_streaming(), "device": "cpu", "threads": 1, "strand": found.effect.strand}
    scores = []
    for genome in (bases, changed):
        blocks = list(promscan.score_genome({"x": genome}, **options))
        whole = np.full(len(genome), np.nan)
        for block in blocks:
            whole[block.first : block.first + len(block.scores)] = block.scores
        scores.append(whole)
    summit = 1200 + int(np.argmax(scores[0][1200:1601]))
    assert abs(found.effect.reference - scores[0][summit - 100 : summit + 101].mean()) < 1e-3
    low, high = summit - 100, summit + 100
    low, high = low + 2 * (low > 1400), high + 2 * (high > 1400)
    assert abs(found.effect.alternative - scores[1][low : high + 1].mean()) < 1e-3


@a_few
@given(seed=st.integers(0, 2**32 - 1))
def test_the_reverse_complement_of_a_genome_gives_the_same_effects(seed: int):
    rng = np.random.default_rng(seed)
    bases = (
        random_bases(900, seed) + promoter_of_the_demo(int(rng.integers(20)), 300).upper() + random_bases(900, seed + 1)
    )
    position, length = int(rng.integers(950, 1150)), int(rng.integers(1, 6))
    reference = bases[position : position + length]
    alternative = reference[0] + random_bases(int(rng.integers(0, 8)), seed + 2)
    (here,) = effects({"x": bases}, ("x", position, reference, alternative))
    (there,) = effects(
        {"x": complement(bases)},
        ("x", len(bases) - position - length, complement(reference), complement(alternative)),
    )
    assert here.effect is not None
    assert there.effect is not None
    assert here.effect.strand != there.effect.strand
    assert abs(here.effect.difference - there.effect.difference) < 1e-3
    assert abs(here.effect.change - there.effect.change) < 1e-3
    assert [change.change for change in here.effect.hits] == [change.change for change in there.effect.hits]


def test_neighbours_do_not_change_an_effect():
    rows = [("demo1", position, demo_base(position + 1), "N") for position in (21340, 21400, 21420, 27000)]
    together = effects(demo_contigs(), *rows)
    assert together == [effects(demo_contigs(), row)[0] for row in rows]


def test_left_aligned_and_other_forms_give_equal_effects():
    bases = random_bases(700, 1) + "CACACACACA" + random_bases(700, 2)
    one, other = effects({"x": bases}, ("x", 699, f"{bases[699]}CA", bases[699]), ("x", 706, "CACA", "CA"))
    assert one.effect == other.effect


def test_a_hit_that_loses_its_promoter_is_lost():
    contigs = demo_contigs()
    bases = contigs["demo1"].upper()
    gone = bases[21330:21450]
    (found,) = effects(contigs, ("demo1", 21330, gone, random_bases(120, 5)))
    assert found.effect is not None
    lost = [change for change in found.effect.hits if change.change == "lost"]
    assert {change.strand for change in lost} == {"+", "-"}
    assert [change.alternative for change in lost] == [None, None]


def test_records_pass_through_with_their_columns(annotate: Callable[..., Any], tmp_path: Path):
    base = demo_base(21400)
    other = "A" if base != "A" else "C"
    vcf = write_vcf(
        tmp_path / "in.vcf",
        f"demo1 21400 rs1 {base} {other},*,<DEL> 50 q10 AC=1,2,3 GT 0|1 1/2",
        f"demo1 21410 . {demo_base(21410)} <DUP> . PASS AC=1 GT 0/1 ./.",
        f"demo1 21411 . {demo_base(21411)} {demo_base(21411)}]demo2:5] . PASS . GT 0/1 ./.",
    )
    assert annotate(vcf).status == 0
    lines = (tmp_path / "out.vcf").read_text().splitlines()
    given_header, header = HEADER.splitlines(), [line for line in lines if line.startswith("#")]
    assert [line for line in header if line in given_header] == given_header
    first, second, third = lines[-3:]
    assert first.split("\t")[:7] == ["demo1", "21400", "rs1", base, f"{other},*,<DEL>", "50", "q10"]
    assert first.split("\t")[8:] == ["GT", "0|1", "1/2"]
    assert info_of(first)["AC"] == "1,2,3"
    assert info_of(first)["PROM_DIFF"].split(",")[1:] == [".", "."]
    assert second.split("\t")[7] == "AC=1"
    assert third.split("\t")[7] == "."


def test_an_output_is_indexed_and_gives_the_same_when_read_again(annotate: Callable[..., Any], tmp_path: Path):
    vcf = write_vcf(tmp_path / "in.vcf", *(f"demo1 {at} . {demo_base(at)} N . . . GT 0|1 ." for at in (21400, 21500)))
    assert annotate(vcf, output="out.vcf.gz").status == 0
    with pysam.VariantFile(str(tmp_path / "out.vcf.gz")) as file:
        records = list(file.fetch("demo1", 21450, 21600))
    assert [record.pos for record in records] == [21500]
    assert len(records[0].info["PROM_DIFF"]) == 1
    assert annotate(tmp_path / "out.vcf.gz", output="again.vcf.gz").status == 0
    assert (tmp_path / "again.vcf.gz").read_bytes() == (tmp_path / "out.vcf.gz").read_bytes()


def test_bcf_and_vcf_without_contig_lines_give_the_same_records(annotate: Callable[..., Any], tmp_path: Path):
    row = f"demo1 21400 . {demo_base(21400)} N . . . GT 0|1 0/0"
    plain = write_vcf(tmp_path / "in.vcf", row)
    without = write_vcf(tmp_path / "without.vcf", row, header=HEADER.replace("##contig=<ID=demo1,length=30000>\n", ""))
    with (
        pysam.VariantFile(str(plain)) as file,
        pysam.VariantFile(str(tmp_path / "in.bcf"), "wb", header=file.header) as bcf,
    ):
        for record in file:
            bcf.write(record)
    last = set()
    for path in (plain, without, tmp_path / "in.bcf"):
        outcome = annotate(path)
        assert outcome.status == 0, outcome.err
        assert "[W::" not in outcome.err
        last.add((tmp_path / "out.vcf").read_text().splitlines()[-1])
    assert len(last) == 1


def test_a_wrong_ref_is_one_line_and_leaves_nothing_behind(annotate: Callable[..., Any], tmp_path: Path):
    wrong = "A" if demo_base(21400) != "A" else "C"
    vcf = write_vcf(tmp_path / "in.vcf", f"demo1 21400 . {wrong} G . . . GT 0/1 .")
    outcome = annotate(vcf)
    assert outcome.status == 1
    assert outcome.err.count("\n") == 1
    assert f"demo1:21400: REF is {wrong}, and the genome has {demo_base(21400)}" in outcome.err
    assert "--skip-mismatch" in outcome.err
    assert not (tmp_path / "out.vcf").exists()
    skipped = annotate(vcf, "--skip-mismatch")
    assert skipped.status == 0
    assert "1 record with another REF" in skipped.err
    assert (tmp_path / "out.vcf").read_text().splitlines()[-1].split("\t")[7] == "."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER + "demo3\t5\t.\tA\tC\t.\t.\t.\tGT\t.\t.\n", "there is no contig 'demo3'"),
        (HEADER + "demo1\t50000\t.\tA\tC\t.\t.\t.\tGT\t.\t.\n", "the contig ends before"),
        (HEADER + "demo1\tx\n", "record 1 is damaged or cut short"),
        ("chr1\t1\t2\n", "this is not VCF or BCF"),
        ("", "give"),
    ],
)
def test_an_input_that_cannot_be_used_is_one_line(
    annotate: Callable[..., Any], tmp_path: Path, text: str, message: str
):
    path = tmp_path / "in.vcf"
    path.write_text(text)
    outcome = annotate(path)
    assert outcome.status == 1
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
    assert not (tmp_path / "out.vcf").exists()


def test_a_genome_without_an_index_is_read_in_any_order(tmp_path: Path):
    contigs = {f"c{number}": random_bases(400, number) for number in range(3)}
    rows = [(chrom, 200, contigs[chrom][200], "N") for chrom in ("c2", "c0", "c1", "c2")]
    path = write_fasta(tmp_path / "genome.fa", contigs)
    options = {"model": tiny_streaming(), "device": "cpu", "threads": 1, "strength": None}
    assert list(promscan.variants(rows, path, **options)) == effects(contigs, *rows)


@pytest.mark.parametrize("indexed", [True, False])
def test_records_on_contigs_that_the_genome_lacks_can_be_skipped(annotate: Callable[..., Any], tmp_path: Path, indexed):
    genome = write_fasta(tmp_path / "genome.fa", demo_contigs())
    if indexed:
        pysam.faidx(str(genome))
    known = f"demo1 21400 . {demo_base(21400)} N . . . GT 0|1 ."
    vcf = write_vcf(tmp_path / "in.vcf", "other 5 . A C . . . GT 0|1 .", known, "other 9 . A C . . . GT 0|1 .", known)
    outcome = annotate(vcf, "--genome", genome)
    assert outcome.status == 1
    assert "record 1: " in outcome.err
    assert "no contig 'other' (the first one is 'demo1')" in outcome.err
    assert "--skip-mismatch" in outcome.err
    skipped = annotate(vcf, "--skip-mismatch", "--phased", "--genome", genome)
    assert skipped.status == 0
    assert "2 records with another REF than the genome, or on contigs that it lacks, passed through" in skipped.err
    fields = [line.split("\t")[7] for line in (tmp_path / "out.vcf").read_text().splitlines()[-4:]]
    assert [field == "." for field in fields] == [True, False, True, False]


def test_a_vcf_without_records_gives_its_header(annotate: Callable[..., Any], tmp_path: Path):
    assert annotate(write_vcf(tmp_path / "in.vcf"), output="out.vcf.gz").status == 0
    lines = gzip.decompress((tmp_path / "out.vcf.gz").read_bytes()).decode().splitlines()
    assert lines[-1] == HEADER.splitlines()[-1]


@pytest.mark.parametrize(
    ("position", "reference", "alternative"),
    [(0, 3, "G"), (0, 1, "GGG"), (897, 3, "A"), (899, 1, "ACCGT"), (0, 900, "A"), (300, 300, "T")],
)
def test_alleles_at_the_ends_of_a_contig_are_scored(position: int, reference: int, alternative: str):
    bases = random_bases(900, 11)
    (found,) = effects({"x": bases}, ("x", position, bases[position : position + reference], alternative))
    assert (found.effect is None) == (reference == 900)  # hardly a base is left


def test_what_cannot_be_scored_passes_through_and_is_counted(annotate: Callable[..., Any], tmp_path: Path):
    long = "A" * 1001
    rows = (f"demo1 21400 . {demo_base(21400)} {long} . . . GT . .", "demo9 5 . N <INV> . . . GT . .")
    outcome = annotate(write_vcf(tmp_path / "in.vcf", *rows))
    assert outcome.status == 0, outcome.err
    assert "2 alleles without bases, or too long, passed through" in outcome.err
    assert [line.split("\t")[7] for line in (tmp_path / "out.vcf").read_text().splitlines()[-2:]] == [".", "."]


def test_lower_case_alleles_and_unknown_bases_are_read(annotate: Callable[..., Any], tmp_path: Path):
    base = demo_base(21400)
    other = "A" if base != "A" else "C"
    for number, (reference, alternative) in enumerate([(base, other), (base.lower(), other.lower()), ("N", other)]):
        vcf = write_vcf(tmp_path / "in.vcf", f"demo1 21400 . {reference} {alternative} . . . GT . .")
        assert annotate(vcf, output=f"{number}.vcf").status == 0
    infos = {(tmp_path / f"{number}.vcf").read_text().splitlines()[-1].split("\t")[7] for number in range(3)}
    assert len(infos) == 1


def test_a_sorted_output_has_an_index_and_one_that_is_not_has_none(annotate: Callable[..., Any], tmp_path: Path):
    rows = [f"demo1 {at} . {demo_base(at)} N . . . GT . ." for at in (21400, 21300)]
    assert annotate(write_vcf(tmp_path / "in.vcf", *rows[::-1]), output="out.vcf.gz").status == 0
    assert (tmp_path / "out.vcf.gz.tbi").exists()
    assert annotate(write_vcf(tmp_path / "in.vcf", *rows), output="out.vcf.gz").status == 0
    assert not (tmp_path / "out.vcf.gz.tbi").exists()
    with gzip.open(tmp_path / "out.vcf.gz", "rt") as file:
        assert [line.split("\t")[1] for line in file if not line.startswith("#")] == ["21400", "21300"]


def test_standard_input_and_output_give_what_files_give(promscan_cli: Callable[..., Any], tmp_path: Path):
    vcf = write_vcf(tmp_path / "in.vcf", f"demo1 21400 . {demo_base(21400)} N . . . GT 0|1 .")
    command = ["variants", "--genome", str(DEMO), "--model", str(tiny_streaming()), "-t", "1", "--device", "cpu"]
    command.append("--quiet")
    process = [sys.executable, "-m", "promscan", *command, "-", "-o", "-"]
    piped = subprocess.run(process, input=vcf.read_bytes(), capture_output=True, check=True)
    assert promscan_cli(*command, vcf, "-o", tmp_path / "out.vcf").status == 0
    assert piped.stdout == (tmp_path / "out.vcf").read_bytes()
    assert piped.stderr == b""


def test_a_truncated_input_is_one_line_and_leaves_nothing_behind(annotate: Callable[..., Any], tmp_path: Path):
    rows = [f"demo1 {at} . {demo_base(at)} N . . . GT . ." for at in range(21000, 21400)]
    whole = write_vcf(tmp_path / "in.vcf", *rows)
    pysam.tabix_compress(str(whole), str(tmp_path / "whole.vcf.gz"))
    cut = tmp_path / "cut.vcf.gz"
    cut.write_bytes((tmp_path / "whole.vcf.gz").read_bytes()[:-600])
    outcome = annotate(cut)
    assert outcome.status == 1
    assert outcome.err.count("\n") == 1
    assert not (tmp_path / "out.vcf").exists()


def test_a_genome_from_a_pipe_is_refused(promscan_cli: Callable[..., Any], tmp_path: Path):
    vcf = write_vcf(tmp_path / "in.vcf")
    outcome = promscan_cli("variants", vcf, "--genome", "-", "-o", tmp_path / "out.vcf", "--model", tiny_streaming())
    assert outcome.status == 1
    assert "a genome for variants is read more than once; save it to a file" in outcome.err


def test_phased_neighbours_are_scored_together(annotate: Callable[..., Any], tmp_path: Path):
    one, other = ("A" if demo_base(at) != "A" else "C" for at in (21380, 21400))
    rows = [
        f"demo1 21380 . {demo_base(21380)} {one} . . . GT 1|0 0/1",
        f"demo1 21400 . {demo_base(21400)} {other}{demo_base(21401)} . . . GT 1|1 1|0",
        f"demo1 27000 . {demo_base(27000)} N . . . GT 1|1 1|1",
    ]
    assert annotate(write_vcf(tmp_path / "in.vcf", *rows), "--phased").status == 0
    first, second, third = (tmp_path / "out.vcf").read_text().splitlines()[-3:]
    assert info_of(first)["PROM_HAPS"] == info_of(second)["PROM_HAPS"]
    assert "PROM_HAPS" not in info_of(third)
    alleles, carriers, _, _, difference, *_ = info_of(first)["PROM_HAPS"].split("|")
    assert alleles == f"21380:{one}+21400:{other}{demo_base(21401)}"
    assert carriers == "1"  # the second chromosome carries one of them, and the other sample is not phased
    bases = demo_base(21380, 21)
    whole = one + bases[1:-1] + other + demo_base(21401)
    (found,) = effects(demo_contigs(), ("demo1", 21379, bases, whole))
    assert found.effect is not None
    assert f"{found.effect.difference:.4f}" == difference


def test_alleles_of_other_phase_sets_or_of_the_same_bases_are_not_scored_together(
    annotate: Callable[..., Any], tmp_path: Path
):
    rows = [
        f"demo1 21380 . {demo_base(21380, 3)} N . . . GT:PS 1|0:5 1|0:5",
        f"demo1 21381 . {demo_base(21381)} N . . . GT:PS 0|0:5 1|0:5",
        f"demo1 21400 . {demo_base(21400)} N . . . GT:PS 1|0:7 0|1:5",
    ]
    assert annotate(write_vcf(tmp_path / "in.vcf", *rows), "--phased").status == 0
    assert "PROM_HAPS=" not in (tmp_path / "out.vcf").read_text().split("#CHROM")[1]


def strength_of_insert(bases: str, tss: int, strand: str) -> float:
    """Predicted strength of the 80 bp that end 60 bp before a transcription start."""
    oriented, at = (bases, tss) if strand == "+" else (complement(bases), len(bases) - 1 - tss)
    ((_, strength, _),) = promscan.score(
        [oriented[at - 140 : at - 60]], model=TINY_STRENGTH, device="cpu", threads=1
    )  # fmt: skip
    return float(strength)


@pytest.mark.parametrize(("offset", "alternative"), [(-100, "T"), (-100, "TTACG"), (-90, ""), (20, "A")])
@pytest.mark.parametrize("strand", ["+", "-"])
def test_strengths_are_those_of_the_inserts_upstream_of_the_summit(strand: str, offset: int, alternative: str):
    bases = demo_contigs()["demo1"][20000:24000].upper()
    (plain,) = effects({"x": bases}, ("x", 1400, bases[1400], bases[1400]), strand=strand, strength=TINY_STRENGTH)
    assert plain.effect is not None
    assert plain.effect.reference_strength == plain.effect.alternative_strength
    position = plain.effect.summit + (offset if strand == "+" else -offset)
    reference = bases[position : position + 4]
    inserted = alternative + reference[-2:]
    (found,) = effects({"x": bases}, ("x", position, reference, inserted), strand=strand, strength=TINY_STRENGTH)
    assert found.effect is not None
    summit = found.effect.summit
    changed = bases[:position] + inserted + bases[position + 4 :]
    moved = summit + (len(changed) - len(bases) if position < summit else 0)
    assert found.effect.reference_strength == pytest.approx(strength_of_insert(bases, summit, strand), abs=1e-4)
    assert found.effect.alternative_strength == pytest.approx(strength_of_insert(changed, moved, strand), abs=1e-4)


def test_an_allele_outside_of_the_insert_changes_no_bit_of_the_strength():
    bases = demo_contigs()["demo1"][20000:24000].upper()
    (found,) = effects(
        {"x": bases}, ("x", 1390, bases[1390], "ACGT"["ACGT".index(bases[1390]) - 1]), strength=TINY_STRENGTH
    )
    assert found.effect is not None
    assert found.effect.difference != 0
    assert found.effect.reference_strength == found.effect.alternative_strength


def test_strengths_are_fields_that_the_header_describes(annotate, tmp_path):
    vcf = write_vcf(
        tmp_path / "one.vcf", f"demo1 21280 . {demo_base(21280)} {complement(demo_base(21280))} . . AC=1 GT 0/1 0/0"
    )
    assert annotate(vcf, "--strength", TINY_STRENGTH).status == 0
    lines = (tmp_path / "out.vcf").read_text().splitlines()
    assert float(info_of(lines[-1])["PROM_STRENGTH_REF"]) != float(info_of(lines[-1])["PROM_STRENGTH_ALT"])
    assert any(line.startswith("##INFO=<ID=PROM_STRENGTH_REF,Number=A,Type=Float,") for line in lines)
    (about,) = (line for line in lines if line.startswith("##promscan_variants="))
    assert " strength_model=tiny-strength strength_sha256=" in about
    assert annotate(tmp_path / "out.vcf", "--strength", "none", output="again.vcf").status == 0
    again = (tmp_path / "again.vcf").read_text()
    assert "##INFO=<ID=PROM_STRENGTH" not in again  # the header of the first run is replaced


def test_an_insert_of_unknown_bases_has_no_strength():
    bases = demo_contigs()["demo1"][20000:24000].upper()
    tss = effects({"x": bases}, ("x", 1400, bases[1400], bases[1400]), strand="+")[0].effect.summit
    hidden = bases[: tss - 130] + "N" * 60 + bases[tss - 70 :]
    (found,) = effects(
        {"x": hidden}, ("x", tss, bases[tss], "ACGT"["ACGT".index(bases[tss]) - 1]), strand="+", strength=TINY_STRENGTH
    )
    assert found.effect is not None
    assert found.effect.reference_strength is None


@pytest.mark.parametrize(("alternative", "genotype"), [("N", "0|2"), (".", "1|0")])
def test_a_genotype_of_an_allele_that_is_not_listed_is_refused_in_one_line(
    annotate: Callable[..., Any], tmp_path: Path, alternative: str, genotype: str
):
    row = f"demo1 21400 . {demo_base(21400)} {alternative} . . . GT {genotype} 0|0"
    vcf = write_vcf(tmp_path / "in.vcf", row)
    outcome = annotate(vcf, "--phased", "--quiet")
    assert outcome.status == 1
    assert re.fullmatch(
        r"promscan: error: record 1, demo1:21400: a genotype has allele [12], and ALT .*\n", outcome.err
    )
    assert not (tmp_path / "out.vcf").exists()


@pytest.mark.parametrize("genotype", ["0|x", "0|\u00b2", "0|\uff11", "1" * 5000, "1|-1", "0|1_0", "1|"])
def test_what_is_no_genotype_is_refused_in_one_line(genotype: str) -> None:
    rows = [Record("c", at, "A", ("C",), f"c\t{at + 1}\t.\tA\tC\t.\t.\t.\tGT\t{genotype}", at) for at in (9, 12)]
    codes = dna.encode("A" * 30)
    edits = [[edit_of(codes, row.position, codes[:1], dna.encode("C"))] for row in rows]
    with pytest.raises(InputError, match=r"record 9, c:10: .* is no genotype, such as 0\|1; repair") as stop:
        haplotypes_of(rows, codes, edits)
    assert len(str(stop.value)) < 200


@pytest.mark.parametrize(("genotype", "count"), [("0|1", 1), ("|0|1", 1), ("0|.", 0), (".", 0), ("1/1", 2), ("0/1", 0)])
def test_every_spelling_of_a_genotype_is_read(genotype: str, count: int) -> None:
    rows = [Record("c", at, "A", ("C",), f"c\t{at + 1}\t.\tA\tC\t.\t.\t.\tGT\t{genotype}", at) for at in (9, 12)]
    codes = dna.encode("A" * 30)
    edits = [[edit_of(codes, row.position, codes[:1], dna.encode("C"))] for row in rows]
    assert sum(each.carriers for each in haplotypes_of(rows, codes, edits)) == count


def test_a_record_without_columns_of_samples_has_no_phase() -> None:
    bare = Record("c", 9, "A", ("C",), "c\t10\t.\tA\tC\t.\t.\t.", 1)
    rows = [bare, *(Record("c", at - 1, "A", ("C",), f"c\t{at}\t.\tA\tC\t.\t.\t.\tGT\t0|1", at) for at in (12, 14))]
    codes = dna.encode("A" * 30)
    edits = [[edit_of(codes, row.position, codes[:1], dna.encode("C"))] for row in rows]
    (haplotype,) = haplotypes_of(rows, codes, edits)
    assert haplotype.alleles == ((1, 0), (2, 0))
