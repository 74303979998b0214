"""VCF and BCF are read however they are packed, from a file or a pipe; what is damaged is refused in one line."""

from __future__ import annotations

import sys
from pathlib import Path

import pysam
import pytest
from test_text_inputs import PACKINGS

from promscan.errors import InputError
from promscan.io.vcf import open_variants

VCF = """##fileformat=VCFv4.2
##contig=<ID=chr1>
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO
chr1\t10\trs1\tA\tC\t50\t.\t.
chr1\t12\t.\tAC\tG,T\t.\t.\t.
"""
LINES = VCF.splitlines()[3:]


def lines_of(path: Path | str) -> list[str]:
    with open_variants(path) as variants:
        assert variants.header[-1].startswith("#CHROM")
        return [record.line for record in variants]


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_vcf_is_read_however_it_is_packed(tmp_path, packing):
    path = tmp_path / "variants.vcf"
    path.write_bytes(PACKINGS[packing](VCF.encode()))
    assert lines_of(path) == LINES


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_vcf_is_read_from_standard_input_however_it_is_packed(tmp_path, packing, monkeypatch):
    path = tmp_path / "variants.vcf"
    path.write_bytes(PACKINGS[packing](VCF.replace("\n", "\r\n").encode()))
    with path.open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert lines_of("-") == LINES


@pytest.mark.parametrize("mode", ["wb", "wz"])
def test_a_bcf_is_read(tmp_path, mode):
    path, text = tmp_path / "variants.bcf", tmp_path / "variants.vcf"
    text.write_text(VCF)
    with pysam.VariantFile(str(text)) as source, pysam.VariantFile(str(path), mode, header=source.header) as file:
        for record in source:
            file.write(record)
    assert lines_of(path) == LINES


@pytest.mark.parametrize("packing", [packing for packing in PACKINGS if packing != "plain"])
def test_a_packed_vcf_that_is_cut_short_is_one_line(tmp_path, packing):
    path = tmp_path / "variants.vcf"
    path.write_bytes(PACKINGS[packing](VCF.encode() * 1)[:-12])
    with pytest.raises(InputError, match=r"ends too early|is damaged"):
        lines_of(path)


def test_a_header_in_another_encoding_is_one_line(tmp_path):
    path = tmp_path / "variants.vcf"
    path.write_bytes(VCF.replace("VCFv4.2", "VCFv4.2\n##source=M\u00fcller").encode("latin-1"))
    with pytest.raises(InputError, match="its header is not text in UTF-8"):
        lines_of(path)


def test_reading_can_end_early(tmp_path):
    path = tmp_path / "variants.vcf"
    path.write_text(VCF + "".join(f"chr1\t{position}\t.\tA\tC\t.\t.\t.\n" for position in range(20, 100_000)))
    with open_variants(path) as variants:
        assert next(iter(variants)).line == LINES[0]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are counted in /proc, which Linux has")
@pytest.mark.parametrize(
    "text", ["", "chr1\t1\t2\n", "#" + VCF, VCF[:9], "##fileformat=VCF\n", VCF.replace("#CHROM", "#")]
)
def test_a_refused_file_leaves_no_file_open(tmp_path: Path, text: str) -> None:
    path = tmp_path / "variants.vcf"
    path.write_text(text)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        with pytest.raises(InputError):
            lines_of(path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
