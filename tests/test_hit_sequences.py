"""Sequences of hits: on their strand, with flanks, from a genome in any packing."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import pysam
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from written_hits import make_hit

import promscan
from promscan.commands.annotating import sequences
from promscan.errors import InputError

CHR1 = "ACGTTGCAacgtnnNNRYSWKMBDHVAAACCCGGGTTT"
GENOME = f">chr1 the first\n{CHR1[:20]}\n{CHR1[20:]}\n>chr2\nGATTACA\n"
COMPLEMENT = dict(zip("ACGTacgtNnRYSWKMBDHV", "TGCAtgcaNnYRSWMKVHDB", strict=True))
HITS = "chr1\t4\t10\tfirst\t0\t+\nchr1\t4\t10\tsecond\t0\t-\nchr2\t0\t7\t.\t0\t-\n"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "hits.bed").write_text(HITS)
    (tmp_path / "genome.fa").write_text(GENOME)
    return tmp_path / "hits.bed", tmp_path / "genome.fa"


def test_sequences_are_on_the_strand_of_the_hit_and_named(files, promscan_cli):
    hits, genome = files
    done = promscan_cli("annotate", hits, "--fasta", "-", "--genome", genome, "--quiet")
    assert (done.status, done.err) == (0, "")
    assert done.out == (
        ">first chr1:4-10(+)\nTGCAac\n>second chr1:4-10(-)\ngtTGCA\n>chr2:0-7(-) chr2:0-7(-)\nTGTAATC\n"
    )


def test_flanks_are_read_on_the_strand_and_end_with_the_contig(files, promscan_cli):
    hits, genome = files
    done = promscan_cli("annotate", hits, "--fasta", "-", "--genome", genome, "--flank-up", 3, "--flank-down", 5)
    assert done.out.splitlines()[:4] == [
        ">first chr1:1-15(+)", CHR1[1:15],
        ">second chr1:0-13(-)", "".join(COMPLEMENT[base] for base in reversed(CHR1[:13])),
    ]  # fmt: skip
    assert "hits.bed: the flanks of 2 hits end with the contig" in done.err


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, len(CHR1) - 1), st.integers(1, 9), st.sampled_from("+-"), st.integers(0, 9), st.integers(0, 9)
)  # fmt: skip
def test_each_sequence_is_what_slices_give(files, start, width, strand, up, down):
    _, genome = files
    hits = genome.with_name("drawn.bed")
    end = min(start + width, len(CHR1))
    hits.write_text(f"chr1\t{start}\t{end}\th\t0\t{strand}\n")
    (found,) = promscan.hit_sequences(hits, genome, flank_up=up, flank_down=down)
    before, after = (up, down) if strand == "+" else (down, up)
    letters = CHR1[max(0, start - before) : end + after]
    assert found.sequence == (letters if strand == "+" else "".join(COMPLEMENT[base] for base in reversed(letters)))


@pytest.mark.parametrize("suffix", ["fa.gz", "bin", "fa.xz", "fa.bz2", "bgz", "crlf.fa", "bom.fa", "cr.fa"])
def test_the_genome_may_be_packed_or_from_another_system(files, suffix):
    hits, genome = files
    plain, packed = genome.read_bytes(), genome.with_name(f"packed.{suffix}")
    pack = {
        "fa.gz": gzip.compress, "bin": gzip.compress, "fa.xz": lzma.compress, "fa.bz2": bz2.compress,
        "crlf.fa": lambda data: data.replace(b"\n", b"\r\n"), "bom.fa": lambda data: b"\xef\xbb\xbf" + data,
        "cr.fa": lambda data: data.replace(b"\n", b"\r"),
    }.get(suffix)  # fmt: skip
    if pack is None:
        pysam.tabix_compress(str(genome), str(packed))
    else:
        packed.write_bytes(pack(plain))
    before = sorted(path.name for path in genome.parent.iterdir())
    assert list(promscan.hit_sequences(hits, packed)) == list(promscan.hit_sequences(hits, genome))
    assert sorted(path.name for path in genome.parent.iterdir()) == before  # no index is left behind


def test_an_index_is_used_if_it_is_true_and_refused_if_not(files, monkeypatch):
    hits, genome = files
    expected = list(promscan.hit_sequences(hits, genome))
    pysam.faidx(str(genome))
    monkeypatch.setattr(sequences, "index_rows", lambda *_: pytest.fail("an index is there"))
    assert list(promscan.hit_sequences(hits, genome)) == expected
    fai = genome.with_name("genome.fa.fai")
    fai.write_text(fai.read_text().replace("\t20\t21", "\t19\t20"))
    with pytest.raises(InputError, match="the index does not match"):
        list(promscan.hit_sequences(hits, genome))


def test_the_hits_of_a_scan_are_the_windows(tmp_path):
    bases = "ACGTTGCATT" * 20
    (tmp_path / "genome.fa").write_text(f">chr1\n{bases}\n")
    found = list(promscan.hit_sequences([make_hit(chrom="chr1", start=33)], tmp_path / "genome.fa"))
    assert [(hit.sequence, hit.start, hit.end) for hit in found] == [(bases[33:103], 33, 103)]


def test_names_that_come_twice_or_hold_blanks_are_words(files):
    hits, genome = files
    hits.write_text("chr1\t4\t10\tp\t0\t+\nchr1\t5\t10\tp\t0\t+\nchr1\t6\t10\ta b\t0\t+\n")
    assert [hit.name for hit in promscan.hit_sequences(hits, genome)] == ["chr1:4-10(+)", "chr1:5-10(+)", "a%20b"]


def test_sequences_can_be_packed(files, promscan_cli):
    hits, genome = files
    out = genome.with_name("out.fa.gz")
    assert promscan_cli("annotate", hits, "--fasta", out, "--genome", genome, "--quiet").status == 0
    assert gzip.decompress(out.read_bytes()).startswith(b">first chr1:4-10(+)\nTGCAac\n")


@pytest.mark.parametrize(
    ("hits", "genome", "message"),
    [
        ("1\t4\t10\ta\t0\t+\n", GENOME, "line 1: there is no contig '1' (the first one is 'chr1'); check the name "
         "('1' is 'chr1' there)"),
        ("chr2\t4\t10\ta\t0\t+\n", GENOME, "line 1: reaches past the end of chr2 at 7; is it for this genome?"),
        (HITS, ">chr1\nACGT\nACGTACGT\nAC\n", "not a FASTA file with lines of one length"),
        (HITS, "@r\nACGT\n+\nIIII\n", "this is a FASTQ file; give"),
        (HITS, "", "not a FASTA file"),
        (HITS, ">chr1\nACGT\n\nACGT\n", "genome.fa, line 4: not a FASTA file with lines of one length"),
        (HITS, ">chr1\nACGT \nAC\n", "genome.fa, line 2: not a FASTA file with lines of one length"),
        (HITS, ">a\nAC\n>a\nAC\n", "genome.fa, line 3: contig 'a' comes twice; rename one"),
        (HITS, None, "No such file or directory"),
    ],
)  # fmt: skip
def test_what_cannot_be_cut_out_is_one_line_and_no_output(tmp_path, promscan_cli, hits, genome, message):
    (tmp_path / "hits.bed").write_text(hits)
    if genome is not None:
        (tmp_path / "genome.fa").write_text(genome)
    out = tmp_path / "out.fa"
    done = promscan_cli("annotate", tmp_path / "hits.bed", "--fasta", out, "--genome", tmp_path / "genome.fa")
    assert done.status == 1
    lines = [line for line in done.err.splitlines() if "the position of each hit" not in line]
    assert len(lines) == 1
    assert message in lines[0]
    assert not out.exists()


NO_BREAK_SPACE = "\u00a0"


@pytest.mark.parametrize("has_index", [False, True])
def test_names_of_contigs_end_at_ascii_blanks_only(tmp_path, has_index):
    names = [f"a{NO_BREAK_SPACE}b", f"a{NO_BREAK_SPACE}c", f"d{NO_BREAK_SPACE}", "\u3000e"]
    genome = tmp_path / "genome.fa"
    genome.write_text("".join(f">{name} text\nAC{'GT' * i}\n" for i, name in enumerate(names)), encoding="utf-8")
    if has_index:
        pysam.faidx(str(genome))
    (tmp_path / "hits.bed").write_text(
        "".join(f"{name}\t0\t{2 + 2 * i}\t.\t0\t+\n" for i, name in enumerate(names)), encoding="utf-8"
    )
    found = list(promscan.hit_sequences(tmp_path / "hits.bed", genome))
    assert [(hit.chrom, hit.sequence) for hit in found] == [(name, "AC" + "GT" * i) for i, name in enumerate(names)]


def test_the_text_behind_a_name_may_have_any_encoding(files):
    hits, genome = files
    expected = list(promscan.hit_sequences(hits, genome))
    genome.write_bytes(genome.read_bytes().replace(b"the first", "caf\u00e9".encode("latin-1")))
    assert list(promscan.hit_sequences(hits, genome)) == expected


def test_blank_lines_and_contigs_without_bases_do_not_move_bases(files):
    hits, genome = files
    expected = list(promscan.hit_sequences(hits, genome))
    genome.write_text("\n>none\n" + GENOME.replace(">chr2\n", "\n\n>empty\n\n>chr2\n\n")[:-1])
    assert list(promscan.hit_sequences(hits, genome)) == expected


def test_a_genome_that_does_not_fit_is_found_before_the_table_is_written(files, promscan_cli):
    hits, genome = files
    genes, table, out = (genome.with_name(name) for name in ("genes.bed", "table.tsv", "out.fa"))
    genes.write_text("chr1\t0\t20\tg\t0\t+\n")
    for text, message in (
        (GENOME.replace("chr2", "chr3"), "there is no contig 'chr2'"),
        (GENOME.replace("GATTACA", "GATTAC"), "reaches past the end of chr2"),
        (">chr1\nACGT\nACGTACGT\n", "lines of one length"),
    ):
        genome.write_text(text)
        done = promscan_cli("annotate", hits, genes, "-o", table, "--fasta", out, "--genome", genome, "--quiet")
        assert (done.status, message in done.err, table.exists(), out.exists()) == (1, True, False, False)
    genome.unlink()
    done = promscan_cli("annotate", hits, genes, "-o", table, "--fasta", out, "--genome", genome, "--quiet")
    assert done.err == f"promscan: error: {genome}: No such file or directory; give a FASTA file that can be read\n"
    assert not table.exists()
