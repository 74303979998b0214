"""The formats of files that people give by mistake, known by their first bytes, so that a message can name them."""

from __future__ import annotations

import re

HEAD_BYTES = 512
"""First bytes of a file that are enough to name its format."""

BED, GFF, GTF, GFF_OR_GTF = "a BED file", "a GFF file", "a GTF file", "a GFF or GTF file"
ANNOTATIONS = (GFF, GTF, GFF_OR_GTF)

_TAR_MAGIC_AT = 257
_BINARY = (
    (b"BAM\1", "a BAM file"),
    (b"BCF\2", "a BCF file"),
    (b"BAI\1", "a BAM index"),
    (b"TBI\1", "a tabix index"),
    (b"CSI\1", "a CSI index"),
    (b"\x1a\x41\x27\x43", "a 2bit file"),
    (b"\x43\x27\x41\x1a", "a 2bit file"),
    (b"\x88\x8f\xfc\x26", "a bigWig file"),
    (b"\x26\xfc\x8f\x88", "a bigWig file"),
    (b"\x87\x89\xf2\xeb", "a bigBed file"),
    (b"\xeb\xf2\x89\x87", "a bigBed file"),
    (b"NCBI.sra", "an SRA file"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"PK\3\4", "a zip archive (or an Excel or PyTorch file)"),
    (b"PK\5\6", "a zip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\7", "a RAR archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office file (Excel or Word)"),
    (b"\x1f\x9d", "packed by compress (.Z)"),
    (b"\x04\x22\x4d\x18", "packed by lz4"),
    (b"LZIP\1", "packed by lzip"),
    (b"%PDF-", "a PDF"),
    (b"\x93NUMPY", "a NumPy file"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"RDX2\n", "an R data file"),
    (b"RDX3\n", "an R data file"),
    (b"X\n\0\0\0", "an R data file"),
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x7fELF", "a program"),
)
_BINARY_PATTERNS = (
    # A contig of a BED file may be called CRAM or PAR1.
    (re.compile(rb"CRAM[\1-\x08]"), "a CRAM file"),
    (re.compile(rb"PAR1[\0-\x08\x0e-\x1f]"), "a Parquet file"),
    (re.compile(rb"ARROW1\0"), "an Arrow file"),
    (re.compile(rb"GIF8[79]a"), "a GIF image"),
    (re.compile(rb"\xff\xfe[\x01-\x7f]\0|\xfe\xff\0[\x01-\x7f]"), "UTF-16 text, not UTF-8"),
    (re.compile(rb"\x80[\2-\5][\x80-\xffc(}\]]"), "a Python pickle (or an old PyTorch file)"),
    (re.compile(rb"[^\0][\s\S]{1,3}\0{4,5}\{\""), "a safetensors file"),
)
_TEXT = (
    (re.compile(rb"##fileformat=VCF"), "a VCF file"),
    (re.compile(rb"@(HD|SQ|RG|PG|CO)\t"), "a SAM file"),
    (re.compile(rb"@[^\n]*\n[A-Za-z.*-]+(\n\+|\Z)"), "a FASTQ file"),
    (re.compile(rb"LOCUS +\S"), "a GenBank file"),
    (re.compile(rb"ID   \S"), "an EMBL or UniProt file"),
    (re.compile(rb"##gff-version"), GFF),
    (re.compile(rb"#!genome-build"), GTF),
    (re.compile(rb"# STOCKHOLM"), "a Stockholm alignment"),
    (re.compile(rb"CLUSTAL[^\n\t,]*(multiple|alignment)"), "a Clustal alignment"),
    (re.compile(rb"#NEXUS", re.IGNORECASE), "a NEXUS file"),
    (re.compile(rb"##maf"), "a MAF alignment"),
    (re.compile(rb"(fixedStep|variableStep) chrom="), "a wiggle file"),
    (re.compile(rb"version https://git-lfs"), "a Git LFS pointer (fetch the file itself: git lfs pull)"),
    (re.compile(rb"\s*<(!DOCTYPE html|html)", re.IGNORECASE), "a web page (did a download fail?)"),
    (re.compile(rb"\s*<\?xml"), "an XML file"),
    (re.compile(rb"\s*\{\s*\""), "a JSON file"),
    (re.compile(rb"(#[^\n]*\n)*[^\s>][^\n\t]*(\t[^\n\t]+){2}(\t[0-9]+){2}\t[^\n\t]+\t[+.?-]\t"), GFF_OR_GTF),
    (re.compile(rb"(#[^\n]*\n|track [^\n]*\n|browser [^\n]*\n)*[^\s>][^\n\t]*\t[0-9]+\t[0-9]+[\t\n]"), BED),
)

_FASTA = re.compile(rb"\s*>[^\n\t]*\n[A-Za-z*-]+ *(\n|\Z)")


def binary_format(head: bytes) -> str | None:
    """The format of a file that is not text, by its first `HEAD_BYTES` bytes, such as `a BAM file`; None: unknown."""
    for magic, name in _BINARY:
        if head.startswith(magic):
            return name
    if head[_TAR_MAGIC_AT:].startswith(b"ustar"):
        return "a tar archive"
    return _first_match(_BINARY_PATTERNS, head)


def text_format(head: bytes) -> str | None:
    """The format of a text file, by its first `HEAD_BYTES` bytes, such as `a FASTQ file`; None: unknown.

    FASTA and tables with column names are never named: they are what the caller hoped for.
    """
    return _first_match(_TEXT, head)


def is_fasta(head: bytes) -> bool:
    """Whether a text begins as FASTA does: a header, and letters below it. A row of a table may begin with `>`, too."""
    return _FASTA.match(head) is not None


def _first_match(patterns: tuple[tuple[re.Pattern[bytes], str], ...], head: bytes) -> str | None:
    return next((name for pattern, name in patterns if pattern.match(head)), None)
