"""Hits for the tests of the writers: making, writing, and reading them back without promscan."""

import gzip
from urllib.parse import unquote

import promscan
from promscan.calling.peaks import probability_of
from promscan.io.hit_writers import open_writer
from promscan.io.schemas import GRADES
from promscan.seq.records import Hit
from promscan.seq.windows import tss_of

HEADER = {"model": "core70", "sha256": "ab12", "threshold_logit": "2.5", "strand": "both"}
FIRST_LINE = f"#promscan {promscan.__version__} model=core70 sha256=ab12 threshold_logit=2.5 strand=both"
SUFFIXES = {"bed": ".bed", "gff3": ".gff3", "narrowpeak": ".narrowPeak"}
TARGETS = [suffix + gz for suffix in SUFFIXES.values() for gz in ("", ".gz")]
ODD_NAMES = [
    "a=b;c&d,e",
    "gi|12|ref:1-9",
    "50%",
    "~x",
    "chr>1",
    "HLA-A*01:01",
    "chrΩ",
    ">x",
    "a#b",
    "q\"uo'te",
    "x(1)/[2]",
]


def make_hit(start=1000, strand="+", chrom="chr1", logit=2.0, **grades):
    return Hit(chrom, start, strand, tss_of(start, strand), logit, probability_of(logit), **grades)


HITS = [
    make_hit(1000, "+", fp_per_mb=12.3456, strength=1.5, strength_sd=0.25),
    make_hit(1000, "-", logit=-0.00001),
    make_hit(5000, "-", logit=8.123449, fp_per_mb=0.00001234),
    make_hit(0, "+", chrom="chr2", logit=40.0, strength=-0.00001),
]


def write(target, hits, format=None, header=HEADER):
    with open_writer(str(target), format, header) as writer:
        for hit in hits:
            writer.write(hit)
    return target


def write_and_fail(target, hits, error):
    with open_writer(str(target), None, HEADER) as writer:
        for hit in hits:
            writer.write(hit)
        raise error


def lines_of(path):
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as file:
        return file.read().split("\n")


def rows_of(path):
    return [line.split("\t") for line in lines_of(path) if line and not line.startswith("#")]


def attributes_of(row):
    return {tag: unquote(value) for tag, value in (pair.split("=") for pair in row[8].split(";"))}


def place_of(row, suffix):
    """(chrom, start, end, name, strand, tss) of a row, 0-based and half-open."""
    if "gff" in suffix:
        attributes = attributes_of(row)
        tss = int(attributes["tss"]) - 1
        return (unquote(row[0]), int(row[3]) - 1, int(row[4]), attributes["ID"], row[6], tss)
    tss = int(row[6]) if suffix.startswith(".bed") else int(row[1]) + int(row[9])
    return (row[0], int(row[1]), int(row[2]), row[3], row[5], tss)


def grades_of(row, suffix):
    """Grade to text; absent ones left out."""
    if "gff" in suffix:
        attributes = attributes_of(row)
        return {"probability": row[5], **{k: v for k, v in attributes.items() if k not in ("ID", "tss")}}
    if "arrow" in suffix:
        return {"logit": row[6]}
    return {name: text for name, text in zip(GRADES, row[7:12], strict=True) if text != "."}


def expected_place(hit):
    return (hit.chrom, hit.start, hit.end, hit.name, hit.strand, hit.tss)
