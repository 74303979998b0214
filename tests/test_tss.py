"""Transcription starts: what is read, how far positions are from them, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from genomes import write_fasta
from hypothesis import given
from hypothesis import strategies as st

from promscan.errors import InputError
from promscan.io.tss import read_starts
from promscan.seq.tss import FAR_AWAY, KnownStarts, Site, distances, offsets
from promscan.train.data.labelled_genome import LabelledGenome, read_labelled_genome

CONTIGS = {"chr1:0-100": 100, "chr1:200-300": 100, "chr10": 50}


def read(folder: Path, text: str) -> KnownStarts:
    path = folder / "tss.bed"
    path.write_text(text)
    return read_starts(path, CONTIGS)


def test_starts_are_read_once_each_in_order(tmp_path: Path) -> None:
    rows = ["chr10\t7\t8\ttwo words\t0\t-", "#x", "chr10\t3\t4\ta\t0\t-", "chr10 7 8 c 0 -", "chr1:0-100 99 100 d 0 +"]
    starts = read(tmp_path, "\n".join(rows))
    assert list(starts) == [Site("chr10", 3, "-"), Site("chr10", 7, "-"), Site("chr1:0-100", 99, "+")]
    assert len(starts) == 3
    assert starts.on("chr10", "-").tolist() == [3, 7]
    assert starts.on("chr10", "+").tolist() == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("chr2\t1\t2\tx\t0\t+\n", r"line 1: the genome has no contig 'chr2'"),
        ("chr10\t1\t2\tx\t0\t+\nchr10\t50\t51\tx\t0\t+\n", r"line 2: 50 lies past the end of chr10 at 50"),
        ("chr10\t1\t2\n", "line 1: there is no strand"),
        ("chr10\t1\t2\tx\t0\t.\n", "line 1: there is no strand"),
        ("chr10\tone\t2\tx\t0\t+\n", "line 1: not a BED interval"),
        ("# nothing\n", "there are no TSSs"),
    ],
)
def test_bad_starts_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, text)


@given(st.lists(st.integers(0, 300)), st.sets(st.integers(0, 300)))
def test_distances_are_to_the_nearest(positions: list[int], known: set[int]) -> None:
    found = distances(np.array(positions, dtype=np.int64), np.array(sorted(known), dtype=np.int64))
    for position, distance in zip(positions, found.tolist(), strict=True):
        assert distance == min((abs(position - other) for other in known), default=distance)
        assert known or distance >= FAR_AWAY


@given(st.lists(st.integers(-300, 300)), st.sets(st.integers(-300, 300), min_size=1))
def test_offsets_are_from_the_nearest_and_of_two_from_the_lower(positions: list[int], known: set[int]) -> None:
    found = offsets(np.array(positions, dtype=np.int64), np.array(sorted(known), dtype=np.int64))
    for position, offset in zip(positions, found.tolist(), strict=True):
        assert position - offset == min(known, key=lambda other: (abs(position - other), other))


def test_a_name_stands_for_its_contigs() -> None:
    codes = np.zeros(10, dtype=np.uint8)
    genome = LabelledGenome(dict.fromkeys(CONTIGS, codes), KnownStarts([Site("chr10", 3, "+")]))
    assert list(genome.part(["chr1"]).contigs) == ["chr1:0-100", "chr1:200-300"]
    assert list(genome.part(["chr1:0-100", "chr10"]).contigs) == ["chr1:0-100", "chr10"]
    assert list(genome.without(["chr10"]).contigs) == ["chr1:0-100", "chr1:200-300"]
    assert len(genome.without(["chr10"]).starts) == 0
    with pytest.raises(InputError, match="no contig 'chr'"):
        genome.part(["chr"])


def test_a_genome_is_read_whole(tmp_path: Path) -> None:
    path = write_fasta(tmp_path / "genome.fa", {"long": "ACGTN" * 40, "short": "TTT"}, packing="gzip")
    (tmp_path / "tss.bed").write_text("short\t2\t3\tx\t0\t-\n")
    genome = read_labelled_genome(path, tmp_path / "tss.bed")
    assert {chrom: codes.tolist() for chrom, codes in genome.contigs.items()} == {
        "long": [0, 3, 2, 1, 4] * 40,
        "short": [1, 1, 1],
    }
    assert genome.describe()["bases"] == 203
    assert list(genome.starts) == [Site("short", 2, "-")]
