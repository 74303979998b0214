"""Shards of a scan, joined, are the bytes of the scan; what is not a whole set of shards is refused."""

from __future__ import annotations

import gzip
import hashlib
import os
import random
import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import pybedtools
import pysam
import pytest
from genomes import EVERY_WINDOW, TINY, a_few, demo_contigs, genomes, write_fasta, write_hits
from hypothesis import given
from hypothesis import strategies as st

import promscan
from promscan.inference.streaming import StreamingEngine
from promscan.io.hit_writers import CLOSING, Checksum
from promscan.seq.intervals import Intervals, genome_digest, shard_of
from promscan.seq.records import Interval

LANE = 140
SUFFIXES = [".bed", ".bed.gz", ".gff3", ".gff3.gz", ".narrowPeak", ".narrowPeak.gz"]
CONTIGS = {"chr1": demo_contigs()["demo2"][3_400:4_300], "short": "ACGT" * 10, "chr2": demo_contigs()["demo1"][:500]}
GENOME = genome_digest({chrom: len(bases) for chrom, bases in CONTIGS.items()})


@pytest.fixture(autouse=True)
def short_lanes():
    with (
        mock.patch.multiple(StreamingEngine, lane=LANE, shorter=(70,), warm_up=70),
        mock.patch("promscan.commands.scanning.plan.SHARD_GRID", LANE),
    ):
        yield


def scan_of(genome, **options):
    return promscan.scan(genome, **{"model": TINY, "strength": None, "device": "cpu", **options})


# Which bases


lengths = st.lists(st.integers(0, 60), max_size=5).map(lambda found: {f"chr{i}": n for i, n in enumerate(found)})


@given(lengths, st.integers(1, 40), st.integers(1, 12))
def test_shards_divide_a_genome_into_equal_parts(contigs, count, grid):
    shards = [shard_of(contigs, index, count, grid) for index in range(1, count + 1)]
    assert Intervals.of(part for shard in shards for part in shard) == Intervals.of(
        Interval(chrom, 0, length) for chrom, length in contigs.items()
    )
    total = sum(contigs.values())
    assert sum(shard.total_bases for shard in shards) == total
    assert all(abs(shard.total_bases - total / count) < grid + 1 for shard in shards)
    for chrom, start, end in (part for shard in shards for part in shard):
        assert start % grid == 0
        assert end % grid == 0 or end == contigs[chrom]


@pytest.mark.parametrize("shard", [(0, 3), (4, 3), (1, 0), (-1, 3)])
def test_there_is_no_such_shard(tmp_path, shard):
    genome = write_fasta(tmp_path / "genome.fa", CONTIGS)
    with pytest.raises(ValueError, match="there is no shard"):
        scan_of(genome, shard=shard)


intervals = st.builds(
    lambda chrom, start, width: Interval(chrom, start, start + width),
    st.sampled_from(["chr1", "chr2", "chr3"]), st.integers(0, 50), st.integers(0, 20),
)  # fmt: skip


@given(st.lists(intervals, max_size=8), st.lists(intervals, max_size=8))
def test_intersection_is_that_of_the_bases(some, others):
    def bases(items):
        return {(chrom, base) for chrom, start, end in items for base in range(start, end)}

    common = Intervals.of(some).intersection(Intervals.of(others))
    assert bases(common) == bases(some) & bases(others)
    assert common == Intervals.of(common)  # merged and sorted


# The bytes of the scan


@a_few
@given(data=st.data(), contigs=genomes(), count=st.integers(1, 5), distance=st.sampled_from([1, 30, 200]))
def test_merged_shards_are_the_undivided_scan(model, data, contigs, count, distance):
    options = {"model": model, "threshold": 0.1, "min_distance": distance, "stride": data.draw(st.sampled_from([1, 3]))}
    nonempty = [chrom for chrom in contigs if contigs[chrom]]
    if nonempty and data.draw(st.booleans(), "region"):
        options["regions"] = [data.draw(st.sampled_from(nonempty))]
    suffix, packed = data.draw(st.sampled_from(SUFFIXES)), data.draw(st.sampled_from(["", ".gz"]))
    with TemporaryDirectory() as name:
        folder = Path(name)
        genome = write_fasta(folder / "genome.fa", contigs)
        if all(contigs.values()) and data.draw(st.booleans(), "index"):
            pysam.faidx(str(genome))
        whole = write_hits(scan_of(genome, **options), folder / f"whole{suffix}")
        shards = [
            write_hits(
                scan_of(genome, shard=(i, count), **options), folder / f"{i}{suffix.removesuffix('.gz')}{packed}"
            )
            for i in range(1, count + 1)
        ]
        merged = folder / f"merged{suffix}"
        promscan.merge(random.Random(0).sample(shards, count), merged)
        files = [sorted(folder.glob(f"{path.name}*")) for path in (whole, merged)]
        assert len(files[0]) == (2 if suffix.endswith(".gz") else 1)
        assert [path.read_bytes() for path in files[0]] == [path.read_bytes() for path in files[1]]


@pytest.fixture
def genome(tmp_path):
    return write_fasta(tmp_path / "genome.fa", CONTIGS)


@pytest.fixture
def shards(tmp_path, genome):
    """Three shards of every window, as BED."""
    return [write_hits(scan_of(genome, shard=(i, 3), **EVERY_WINDOW), tmp_path / f"part{i}.bed") for i in range(1, 4)]


def test_rows_of_neighbouring_shards_interleave(genome, shards, tmp_path):
    """Else the test above would not see whether they are sorted."""
    promscan.merge(shards, tmp_path / "merged.bed")
    rows = [line for path in shards for line in path.read_text().splitlines() if not line.startswith("#")]
    merged = (tmp_path / "merged.bed").read_text().splitlines()[2:]
    assert merged != rows
    assert sorted(merged) == sorted(rows)
    assert (tmp_path / "merged.bed").read_bytes() == write_hits(
        scan_of(genome, **EVERY_WINDOW), tmp_path / "whole.bed"
    ).read_bytes()


def test_more_shards_than_bases(tmp_path, model):
    genome = write_fasta(tmp_path / "genome.fa", {"chr1": CONTIGS["chr1"][:80], "short": "ACGT"})
    jobs = [scan_of(genome, model=model, shard=(i, 90), **EVERY_WINDOW) for i in range(1, 91)]
    shards = [write_hits(job, tmp_path / f"part{i}.bed") for i, job in enumerate(jobs)]
    busy = [job for job in jobs if job.statistics.windows]
    assert len(busy) == 1
    assert len(jobs) - len([job for job in jobs if job.statistics.bases]) > 80
    promscan.merge(shards, tmp_path / "merged.bed")
    whole = write_hits(scan_of(genome, model=model, **EVERY_WINDOW), tmp_path / "whole.bed")
    assert (tmp_path / "merged.bed").read_bytes() == whole.read_bytes()


def test_a_shard_outside_of_the_regions_has_no_hits(genome):
    job = scan_of(genome, shard=(1, 3), regions=["chr2"], **EVERY_WINDOW)
    assert list(job) == []
    assert (job.statistics.bases, job.statistics.windows) == (0, 0)


def test_the_header_names_the_shard_and_its_genome_last(genome):
    whole, shard = (scan_of(genome, regions=["chr1:1-800"], shard=shard) for shard in (None, (2, 3)))
    assert list(shard.settings.items()) == [*whole.settings.items(), ("shard", "2/3"), ("genome", GENOME)]


def test_an_index_does_not_change_the_header(tmp_path):
    genome = write_fasta(tmp_path / "genome.fa", {"chr1": CONTIGS["chr1"], "empty": "", "chr2": CONTIGS["chr2"]})
    without = scan_of(genome, shard=(1, 2)).settings
    (tmp_path / "genome.fa.fai").write_text("chr1\t900\t6\t60\t61\nchr2\t500\t934\t60\t61\n")
    assert scan_of(genome, shard=(1, 2)).settings == without


def test_the_command_line_divides_and_joins(promscan_cli, tmp_path, genome):
    common = ["--model", TINY, "--strength", "none", "--device", "cpu", "--quiet", "--threshold", 0.5]
    for i in (1, 2):
        assert promscan_cli("scan", genome, "-o", tmp_path / f"{i}.gff3", "--shard", f"{i}/2", *common).status == 0
    whole = promscan_cli("scan", genome, "-o", "-", "--format", "gff3", *common)
    assert len(whole.out.splitlines()) > 4
    assert promscan_cli("merge", tmp_path / "2.gff3", tmp_path / "1.gff3", "-o", "-").out == whole.out


# Refusals


def closed(text):
    """The lines of a shard, with the closing line that a scan would write after them."""
    checksum = Checksum()
    lines = [line for line in text.splitlines(keepends=True) if not line.startswith(CLOSING)]
    for line in lines:
        checksum.take(line.encode())
    return "".join([*lines, f"{checksum.closing_line}\n"])


def rewritten(path, old, new):
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(closed(text.replace(old, new)))


def without_first(paths):
    return paths[1:]


def only_last(paths):
    return paths[2:]


def twice(paths):
    shutil.copy(paths[1], copy := paths[1].with_name("copy.bed"))
    return [*paths, copy]


def other_option(paths):
    rewritten(paths[1], " stride=1 ", " stride=2 ")
    return paths


def option_more(paths):
    rewritten(paths[2], " shard=", " exclude=0ea098a73f08ab1d shard=")
    return paths


def other_genome(paths):
    """The same contigs in another order."""
    genome = write_fasta(paths[1].with_name("other.fa"), dict(reversed(CONTIGS.items())))
    write_hits(scan_of(genome, shard=(2, 3), **EVERY_WINDOW), paths[1])
    return paths


def other_version(paths):
    rewritten(paths[1], f"#promscan {promscan.__version__}", "#promscan 0.0.1")
    return paths


def other_number(paths):
    rewritten(paths[1], " shard=2/3", " shard=2/4")
    return paths


def whole_scan(paths):
    rewritten(paths[1], f" shard=2/3 genome={GENOME}", "")
    return paths


def no_header(paths):
    rewritten(paths[1], "#promscan", "#something")
    return paths


def empty(paths):
    paths[1].write_text("")
    return paths


def other_format(paths):
    (path := paths[1].with_suffix(".narrowPeak")).write_text(paths[1].read_text().splitlines(keepends=True)[0])
    return [paths[0], path, paths[2]]


def cut_line(paths):
    paths[1].write_bytes(paths[1].read_bytes()[:-5])
    return paths


def bad_row(paths):
    rewritten(paths[1], paths[1].read_text().splitlines()[4], "chr1\tfive\t10")
    return paths


def cut_gzip(paths):
    packed = gzip.compress(paths[1].read_bytes())
    (path := paths[1].with_suffix(".bed.gz")).write_bytes(packed[: len(packed) // 2])
    return [paths[0], path, paths[2]]


def damaged_gzip(paths):
    packed = bytearray(gzip.compress(paths[1].read_bytes()))
    packed[-6] ^= 1
    (path := paths[1].with_suffix(".bed.gz")).write_bytes(packed)
    return [paths[0], path, paths[2]]


def bgzip_without_end(paths):
    pysam.tabix_compress(str(paths[1]), f"{paths[1]}.gz")
    path = Path(f"{paths[1]}.gz")
    path.write_bytes(path.read_bytes()[:-28])
    return [paths[0], path, paths[2]]


def not_there(paths):
    return [*paths[:2], paths[2].with_name("nosuch.bed")]


def a_folder(paths):
    (path := paths[2].with_name("folder.bed")).mkdir()
    return [*paths[:2], path]


def a_pipe(paths):
    os.mkfifo(path := paths[2].with_name("pipe.bed"))
    return [*paths[:2], path]


def header_word_without_value(paths):
    rewritten(paths[1], " stride=1 ", " stride ")
    return paths


def header_word_twice(paths):
    rewritten(paths[1], " stride=1 ", " stride=1 stride=1 ")
    return paths


def endless_number(paths):
    rewritten(paths[1], " shard=2/3", " shard=2/9999999999999")
    return paths


def too_many(paths):
    rewritten(paths[1], " shard=2/3", " shard=2/999999")
    return paths


def number_zero(paths):
    rewritten(paths[1], " shard=2/3", " shard=0/3")
    return paths


def number_past_the_last(paths):
    rewritten(paths[1], " shard=2/3", " shard=4/3")
    return paths


def rows_and_head(path):
    return path.read_text().splitlines(keepends=True)[:-1]


def with_rows(paths, change):
    """The second shard after `change` of its lines, of which the first two are comments."""
    paths[1].write_text(closed("".join(change(rows_and_head(paths[1])))))
    return paths


def rows_out_of_order(paths):
    return with_rows(paths, lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]])


def doubled_row(paths):
    return with_rows(paths, lambda lines: [*lines[:5], lines[4], *lines[5:]])


def row_of_another_shard(paths):
    row = rows_and_head(paths[0])[-1]

    def place(line):
        fields = line.split("\t")
        return fields[0], int(fields[1]), fields[5]

    return with_rows(paths, lambda lines: [*lines[:2], *sorted([row, *lines[2:]], key=place)])


def contig_again(paths):
    rows = rows_and_head(paths[1])[2:]
    return with_rows(paths, lambda lines: [*lines, rows[0].replace("chr1", "chr9"), rows[-1]])


def negative_start(paths):
    return with_rows(paths, lambda lines: [*lines[:2], lines[2].replace("\t", "\t-", 1), *lines[3:]])


def other_width(paths):
    def widened(line):
        chrom, start, end, *rest = line.split("\t")
        return "\t".join([chrom, start, str(int(end) + 1), *rest])

    return with_rows(paths, lambda lines: [*lines[:2], widened(lines[2]), *lines[3:]])


def no_strand(paths):
    return with_rows(paths, lambda lines: [*lines[:2], re.sub("\t[+-]\t", "\t.\t", lines[2]), *lines[3:]])


def endless_position(paths):
    return with_rows(paths, lambda lines: [*lines[:2], lines[2].replace("\t", "\t" + "9" * 5000, 1), *lines[3:]])


def nothing_scored(paths):
    for path in paths:
        path.write_text(closed("".join(rows_and_head(path)[:2]) + "#no window could be scored\n"))
    return paths


def with_cell(paths, column, text):
    def changed(line):
        cells = line.split("\t")
        return "\t".join([*cells[:column], text, *cells[column + 1 :]])

    return with_rows(paths, lambda lines: [*lines[:2], changed(lines[2]), *lines[3:]])


def other_name(paths):
    return with_cell(paths, 3, "chr1_5_+")


def other_tss(paths):
    return with_cell(paths, 6, "999999")


def other_type(paths):
    return with_cell(paths, 12, "gene")


def score_of_letters(paths):
    return with_cell(paths, 4, "abc")


def logit_that_is_no_number(paths):
    return with_cell(paths, 7, "nan")


def column_more(paths):
    return with_rows(paths, lambda lines: [*lines[:2], lines[2].replace("\n", "\tx\n"), *lines[3:]])


def columns_cut(paths):
    return with_rows(paths, lambda lines: [*lines[:2], "\t".join(lines[2].split("\t")[:6]) + "\n", *lines[3:]])


def changed_as_it_stands(paths, change):
    """The second shard after `change` of its lines, without a new closing line."""
    paths[1].write_text("".join(change(paths[1].read_text().splitlines(keepends=True))))
    return paths


def row_missing(paths):
    return changed_as_it_stands(paths, lambda lines: [*lines[:5], *lines[6:]])


def last_row_missing(paths):
    return changed_as_it_stands(paths, lambda lines: [*lines[:-2], lines[-1]])


def every_row_missing(paths):
    return changed_as_it_stands(paths, lambda lines: [*lines[:2], lines[-1]])


def other_logit(paths):
    def changed(lines):
        cells = lines[4].split("\t")
        return [*lines[:4], "\t".join([*cells[:7], "1.2345", *cells[8:]]), *lines[5:]]

    return changed_as_it_stands(paths, changed)


def same_word_of_all_headers(paths):
    for path in paths:
        path.write_text(path.read_text().replace(" stride=1 ", " stride=2 "))
    return paths


def lines_missing_at_the_end(paths):
    return changed_as_it_stands(paths, lambda lines: lines[:-3])


def two_copies_in_one_file(paths):
    return changed_as_it_stands(paths, lambda lines: lines + lines)


def row_after_the_end(paths):
    return changed_as_it_stands(paths, lambda lines: [*lines, lines[3]])


REFUSALS = {
    **dict.fromkeys(
        [row_missing, last_row_missing, every_row_missing, other_logit],
        ".*part2.bed: lines are missing or were changed since the scan wrote it; copy it again",
    ),
    same_word_of_all_headers: ".*part1.bed: lines are missing or were changed since the scan wrote it; copy it again",
    lines_missing_at_the_end: ".*part2.bed: the closing line of a shard is missing, .*; copy it again",
    **dict.fromkeys(
        [two_copies_in_one_file, row_after_the_end],
        ".*part2.bed: goes on after the closing line of a shard; copy it again",
    ),
    **dict.fromkeys(
        [
            other_name,
            other_tss,
            other_type,
            score_of_letters,
            logit_that_is_no_number,
            column_more,
            columns_cut,
        ],
        ".*part2.bed, line 3: its columns are not as a scan writes them; copy the file again",
    ),
    header_word_without_value: ".*part2.bed, line 1: its words are not of the form name=value, .*; copy the file again",
    header_word_twice: ".*part2.bed, line 1: its words are not of the form name=value, each name once; copy .*",
    endless_number: ".*part2.bed: holds no shard, but a whole scan; give the files that scan --shard wrote",
    too_many: ".*part2.bed, line 1: there cannot be more than 100,000 shards; give the files that scan --shard wrote",
    number_zero: ".*part2.bed, line 1: there is no shard 0 of 3; give the files that scan --shard wrote",
    number_past_the_last: ".*part2.bed, line 1: there is no shard 4 of 3; give the files that scan --shard wrote",
    rows_out_of_order: ".*part2.bed, line 6: out of order after the line before it; copy the file again",
    doubled_row: ".*part2.bed, line 6: out of order after the line before it; copy the file again",
    row_of_another_shard: ".*part[12].bed, line [0-9]+: the same hit as .*part[12].bed, line [0-9]+; copy the .*",
    contig_again: ".*part2.bed, line [0-9]+: contig 'chr1' comes again, after another one; copy the file again",
    negative_start: ".*part2.bed, line 3: not a window of promscan on its strand; copy the file again",
    other_width: ".*part2.bed, line 3: not a window of promscan on its strand; copy the file again",
    no_strand: ".*part2.bed, line 3: not a window of promscan on its strand; copy the file again",
    endless_position: ".*part2.bed, line 3: not a row of promscan; copy the file again",
    nothing_scored: ".*part1.bed: no window could be scored in it, nor in any other shard; give another genome",
    without_first: "there are 3 shards, and these are missing: 1; give all of them",
    only_last: "there are 3 shards, and these are missing: 1, 2; give all of them",
    twice: ".*part2.bed and .*copy.bed are the same shard, 2; give each once",
    other_option: ".*part2.bed: stride is 2 here and 1 in .*part1.bed; give the shards of one scan",
    option_more: ".*part3.bed: exclude is 0ea098a73f08ab1d here and absent in .*part1.bed; give the shards of one scan",
    other_genome: ".*part2.bed: genome is [0-9a-f]+ here and [0-9a-f]+ in .*part1.bed; give the shards of one scan",
    other_version: ".*part2.bed: promscan is 0.0.1 here and [0-9.]+ in .*part1.bed; give the shards of one scan",
    other_number: ".*part2.bed: number of shards is 4 here and 3 in .*part1.bed; give the shards of one scan",
    whole_scan: ".*part2.bed: holds no shard, but a whole scan; give the files that scan --shard wrote",
    no_header: ".*part2.bed: does not begin like an output of promscan scan; give the files that scan --shard wrote",
    empty: ".*part2.bed: does not begin like an output of promscan scan; give the files that scan --shard wrote",
    other_format: ".*part2.narrowPeak: format is narrowpeak here and bed in .*part1.bed; give the shards of one scan",
    cut_line: ".*part2.bed: ends within a line; copy it again",
    bad_row: ".*part2.bed, line 5: not a row of promscan; copy the file again",
    cut_gzip: ".*part2.bed.gz: the compressed data ends too early; copy or download it again",
    damaged_gzip: ".*part2.bed.gz: the compressed data is damaged .*; copy or download it again",
    bgzip_without_end: ".*part2.bed.gz: the compressed data ends too early; copy or download it again",
    not_there: ".*nosuch.bed: No such file or directory; give an output of promscan scan that can be read",
    a_folder: ".*folder.bed: Is a directory; give an output of promscan scan that can be read",
    a_pipe: ".*pipe.bed: shards are read twice, and a pipe only once; save it to a file",
}


@pytest.mark.parametrize("spoil", REFUSALS, ids=lambda spoil: spoil.__name__)
def test_what_is_not_a_whole_set_is_refused_in_one_line(promscan_cli, tmp_path, shards, spoil):
    paths = spoil(shards)
    (out := tmp_path / "out").mkdir()
    outcome = promscan_cli("merge", *paths, "-o", out / "merged.bed")
    assert (outcome.status, outcome.out) == (1, "")
    assert re.fullmatch(f"promscan: error: {REFUSALS[spoil]}\n", outcome.err)
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("spoil", [row_missing, other_logit, lines_missing_at_the_end, bad_row])
def test_nothing_reaches_standard_output_from_shards_with_a_damaged_one(promscan_cli, shards, spoil):
    outcome = promscan_cli("merge", *spoil(shards), "-o", "-")
    assert (outcome.status, outcome.out) == (1, "")
    assert re.fullmatch(f"promscan: error: {REFUSALS[spoil]}\n", outcome.err)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_shard_ends_in_the_number_and_the_checksum_of_its_lines(tmp_path, genome, suffix):
    path = write_hits(scan_of(genome, shard=(2, 3), **EVERY_WINDOW), tmp_path / f"part{suffix}")
    text = gzip.decompress(path.read_bytes()) if suffix.endswith(".gz") else path.read_bytes()
    lines = text.splitlines(keepends=True)
    rows = [line for line in lines if not line.startswith(b"#")]
    checksum = hashlib.sha256(b"".join(lines[:-1])).hexdigest()[:16]
    assert lines[-1].decode() == f"#end rows={len(rows)} sha256={checksum}\n"
    whole = write_hits(scan_of(genome, **EVERY_WINDOW), tmp_path / "whole.bed").read_text()
    assert CLOSING not in whole


def test_a_shard_is_read_by_what_reads_hits(promscan_cli, tmp_path, genome, shards):
    """The closing line is a comment for the other commands, for tabix and for bedtools."""
    packed = write_hits(scan_of(genome, shard=(1, 3), **EVERY_WINDOW), tmp_path / "part.bed.gz")
    rows = [line for line in shards[0].read_text().splitlines() if not line.startswith("#")]
    with pysam.TabixFile(str(packed)) as file:
        assert list(file.fetch("chr1")) == rows
    genes = tmp_path / "genes.bed"
    genes.write_text("chr1\t100\t700\tgene\t0\t+\n")
    assert promscan_cli("annotate", shards[0], genes, "-o", tmp_path / "annotated.tsv").status == 0
    assert len((tmp_path / "annotated.tsv").read_text().splitlines()) == len(rows) + 1
    assert len(pybedtools.BedTool(str(shards[0]))) == len(rows)


def test_shards_in_which_nothing_could_be_scored_count_as_long_as_one_shard_scored(promscan_cli, tmp_path):
    genome = write_fasta(tmp_path / "genome.fa", {"chr1": "N" * 500, "chr2": CONTIGS["chr1"][:500]})
    common = ["--model", TINY, "--strength", "none", "--device", "cpu", "--threshold", 0.5]
    for i in (1, 2):
        outcome = promscan_cli("scan", genome, "-o", tmp_path / f"{i}.bed", "--shard", f"{i}/2", *common)
        assert outcome.status == 0
        assert outcome.err.count("no window could be scored") == (i == 1)
    assert (tmp_path / "1.bed").read_text().splitlines()[2:-1] == ["#no window could be scored"]
    assert promscan_cli("scan", genome, "-o", tmp_path / "whole.bed", *common).status == 0
    assert promscan_cli("merge", tmp_path / "1.bed", tmp_path / "2.bed", "-o", tmp_path / "merged.bed").status == 0
    assert (tmp_path / "merged.bed").read_bytes() == (tmp_path / "whole.bed").read_bytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_merging_fails_if_no_shard_scored_anything(promscan_cli, tmp_path, suffix):
    genome = write_fasta(tmp_path / "genome.fa", {"chr1": "N" * 500})
    parts = [tmp_path / f"{i}{suffix}" for i in (1, 2)]
    common = ["--model", TINY, "--strength", "none", "--device", "cpu"]
    for i, part in enumerate(parts, start=1):
        assert promscan_cli("scan", genome, "-o", part, "--shard", f"{i}/2", *common).status == 0
    outcome = promscan_cli("merge", *parts, "-o", tmp_path / f"merged{suffix}")
    assert outcome.status == 1
    assert "no window could be scored in it, nor in any other shard" in outcome.err
    assert not (tmp_path / f"merged{suffix}").exists()


def test_the_suffix_of_another_format_is_refused(promscan_cli, shards, tmp_path):
    outcome = promscan_cli("merge", *shards, "-o", tmp_path / "merged.gff3")
    assert outcome.status == 1
    assert re.fullmatch("promscan: error: .*merged.gff3: the shards are bed, .*; end it in .bed\n", outcome.err)
    assert promscan_cli("merge", *shards, "-o", tmp_path / "merged.txt").status == 0


@pytest.mark.parametrize(
    ("suffix", "spoil"),
    [
        (".gff3", lambda text: text.replace("ID=chr1_", "ID=chr2_")),
        (".gff3", lambda text: text.replace(";tss=", ";tss=1")),
        (".gff3", lambda text: text.replace("\tpromoter\t", "\tgene\t")),
        (".gff3", lambda text: text.replace("\t.\tID", "\tID")),
        (".narrowPeak", lambda text: text.replace("\t-1\t-1\t", "\t-1\t-1\t1")),
        (".narrowPeak", lambda text: text.replace("\t-1\t-1\t", "\t-1\t")),
    ],
)
def test_a_changed_row_of_other_formats_is_refused(promscan_cli, tmp_path, genome, suffix, spoil):
    path = write_hits(scan_of(genome, shard=(1, 1), **EVERY_WINDOW), tmp_path / f"part{suffix}")
    assert promscan_cli("merge", path, "-o", tmp_path / f"merged{suffix}").status == 0
    path.write_text(closed(spoil(path.read_text())))
    outcome = promscan_cli("merge", path, "-o", tmp_path / f"again{suffix}")
    assert outcome.status == 1
    assert re.fullmatch(
        "promscan: error: .*, line [0-9]: its columns are not as a scan writes them; copy the file again\n", outcome.err
    )
    assert not (tmp_path / f"again{suffix}").exists()


def test_standard_input_is_no_shard(promscan_cli, tmp_path):
    outcome = promscan_cli("merge", "-", "-o", tmp_path / "merged.bed")
    assert "standard input: shards are read twice, and a pipe only once; save it to a file" in outcome.err


@pytest.mark.parametrize("line", ["merge -o x.bed", "merge part1.bed"])
def test_wrong_usage_exits_with_2(promscan_cli, line):
    assert promscan_cli(*line.split()).status == 2
