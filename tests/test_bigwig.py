"""bigWig files as other programs read them: values, gaps, contigs of any number and length, zoom levels, damage."""

from __future__ import annotations

import errno
import itertools
import struct
from contextlib import suppress

import numpy as np
import pybigtools
import pyBigWig
import pytest
from genomes import a_few
from hypothesis import given
from hypothesis import strategies as st

from promscan.errors import InputError, RunError
from promscan.io import bigwig, bigwig_trees, bigwig_zooms
from promscan.io.bigwig import CELL, open_bigwig
from promscan.io.bigwig_reader import BigWig, is_bigwig


def write(path, contigs, values, cuts=(), comment="a comment"):
    """Write values of whole contigs, in pieces."""
    with open_bigwig(str(path), contigs, comment) as writer:
        for contig, scores in values.items():
            edges = [0, *sorted(cut for cut in cuts if cut < len(scores)), len(scores)]
            for start, end in itertools.pairwise(edges):
                writer.add(contig, start, scores[start:end])
    return path


def add(path, contigs, *stretches):
    """Write zeros at stretches of the first contig, each by its start and length."""
    with open_bigwig(str(path), contigs) as writer:
        for start, length in stretches:
            writer.add(next(iter(contigs)), start, np.zeros(length, dtype=np.float32))


def read(path):
    with pyBigWig.open(str(path)) as file:
        return {contig: file.values(contig, 0, length, numpy=True) for contig, length in file.chroms().items()}


def rounded(scores):
    return np.round(scores.astype(np.float64), 3).astype(np.float32)


def drawn(rng, length, known=0.9):
    """Scores with gaps of every kind: single bases, runs, whole sections."""
    scores = rng.normal(-4, 3, length).astype(np.float32)
    kind = rng.integers(4)
    if kind == 1:
        scores[rng.random(length) > known] = np.nan
    elif kind == 2:
        scores[np.arange(length) % int(rng.integers(2, 9)) > 0] = np.nan
    elif kind == 3:
        start = int(rng.integers(length + 1))
        scores[start : start + int(rng.integers(3 * CELL))] = np.nan
    return scores


def same(found, expected):
    assert found.keys() == expected.keys()
    for contig, scores in expected.items():
        np.testing.assert_array_equal(found[contig], rounded(scores), err_msg=contig)


@a_few
@given(
    seed=st.integers(0, 2**32 - 1),
    lengths=st.lists(st.sampled_from([1, 2, 63, 64, 65, 255, 4095, 4096, 4097, 12_345]), min_size=1, max_size=6),
)
def test_values_are_those_that_were_written_rounded_to_three_decimals(tmp_path, seed, lengths):
    rng = np.random.default_rng(seed)
    contigs = {f"chr{number}": length for number, length in enumerate(lengths)}
    values = {contig: drawn(rng, length) for contig, length in contigs.items()}
    same(read(write(tmp_path / "x.bw", contigs, values)), values)


@a_few
@given(seed=st.integers(0, 2**32 - 1), cuts=st.lists(st.integers(1, 20_000), max_size=12))
def test_bytes_do_not_depend_on_the_pieces(tmp_path, seed, cuts):
    rng = np.random.default_rng(seed)
    contigs = {"a": 20_000, "b": 40, "c": 5_000}
    values = {contig: drawn(rng, length) for contig, length in contigs.items()}
    whole, pieces = write(tmp_path / "1.bw", contigs, values), write(tmp_path / "2.bw", contigs, values, cuts)
    assert whole.read_bytes() == pieces.read_bytes()


def test_names_are_found_whatever_their_order_and_number(tmp_path, monkeypatch):
    monkeypatch.setattr(bigwig_trees, "_CHILDREN", 3)  # trees of many levels
    rng = np.random.default_rng(1)
    contigs = {f"contig{rng.integers(1e9)}-{number}": int(rng.integers(1, 90)) for number in range(400)}
    values = {contig: drawn(rng, length) for contig, length in contigs.items()}
    same(read(write(tmp_path / "x.bw", contigs, values)), values)


def test_an_index_of_several_levels_finds_every_section(tmp_path, monkeypatch):
    monkeypatch.setattr(bigwig_trees, "_CHILDREN", 2)
    scores = np.random.default_rng(1).normal(size=40 * CELL).astype(np.float32)
    path = write(tmp_path / "x.bw", {"chr1": len(scores)}, {"chr1": scores})
    with pyBigWig.open(str(path)) as file:
        for start in range(0, len(scores) - 50, 3_001):
            np.testing.assert_array_equal(
                file.values("chr1", start, start + 50, numpy=True), rounded(scores[start : start + 50])
            )


def test_contigs_without_scores_and_files_without_any_can_be_read(tmp_path):
    contigs = {"empty": 0, "unknown": 5_000, "short": 3, "scored": 100}
    path = write(tmp_path / "x.bw", contigs, {"scored": np.ones(100, dtype=np.float32)})
    found = read(path)
    assert {contig: len(scores) for contig, scores in found.items()} == {"unknown": 5_000, "short": 3, "scored": 100}
    assert np.isnan(found["unknown"]).all()
    none = read(write(tmp_path / "none.bw", contigs, {}))
    assert all(np.isnan(scores).all() for scores in none.values())


def test_zoom_levels_summarise_the_values(tmp_path):
    rng = np.random.default_rng(1)
    scores = drawn(rng, 300_000)
    scores[50_000:90_000] = np.nan
    path = write(tmp_path / "x.bw", {"other": 70, "chr1": len(scores)}, {"other": scores[:70], "chr1": scores})
    known = rounded(scores).astype(np.float64)
    with pyBigWig.open(str(path)) as file:
        header = file.header()
        assert header["nLevels"] == 7
        assert header["nBasesCovered"] == np.count_nonzero(~np.isnan(known)) + np.count_nonzero(~np.isnan(known[:70]))
        assert header["minVal"] == pytest.approx(np.nanmin(known), abs=1.0)
        for bins, tolerance in ((3, 0.01), (30, 0.03), (200, 0.2)):
            width = len(scores) // bins
            parts = known[: bins * width].reshape(bins, width)
            filled = ~np.isnan(parts).all(axis=1)
            lowest, mean, highest = (
                np.array(file.stats("chr1", 0, bins * width, nBins=bins, type=kind), dtype=float)[filled]
                for kind in ("min", "mean", "max")
            )
            assert np.abs(mean - np.nanmean(parts[filled], axis=1)).max() < tolerance
            # Records that reach over the edges of a bin count as a whole.
            assert (lowest <= np.nanmin(parts[filled], axis=1) + 1e-6).all()
            assert (highest >= np.nanmax(parts[filled], axis=1) - 1e-6).all()


def test_other_readers_agree(tmp_path):
    rng = np.random.default_rng(1)
    contigs = {"z": 9_000, "a": 66, "m": 30_000}
    values = {contig: drawn(rng, length) for contig, length in contigs.items()}
    file = pybigtools.open(str(write(tmp_path / "x.bw", contigs, values)))
    assert dict(file.chroms()) == contigs
    for contig, scores in values.items():
        np.testing.assert_array_equal(file.values(contig, fillna=None).astype(np.float32), rounded(scores))
    assert len(file.zooms()) == 5
    for start, end, record in file.zoom_records(1024, "m", 0, 30_000):
        part = rounded(values["m"][start:end]).astype(np.float64)
        assert record["bases_covered"] == np.count_nonzero(~np.isnan(part))
        assert record["sum"] == pytest.approx(np.nansum(part), rel=1e-3, abs=1e-2)


def test_our_own_reader_agrees(tmp_path):
    rng = np.random.default_rng(2)
    contigs = {"z": 9_000, "a": 66, "m": 30_000}
    values = {contig: drawn(rng, length) for contig, length in contigs.items()}
    file = BigWig(str(write(tmp_path / "x.bw", contigs, values, comment="#promscan model=x")))
    assert (file.comment, file.contigs) == ("#promscan model=x", contigs)
    found = {contig: np.full(length, np.nan, dtype=np.float32) for contig, length in contigs.items()}
    for contig, start, scores in file.values():
        found[contig][start : start + len(scores)] = scores
    same(found, values)


def test_names_that_are_no_utf8_and_contigs_of_four_gigabases(tmp_path):
    contigs = {b"chr\xff".decode("utf-8", "surrogateescape"): 2**32 - 1}
    with open_bigwig(str(tmp_path / "x.bw"), contigs, "") as writer:
        writer.add(next(iter(contigs)), 2**32 - 3, np.ones(2, dtype=np.float32))
    (values,) = BigWig(str(tmp_path / "x.bw")).values()
    assert values[:2] == (next(iter(contigs)), 2**32 - 3)


@pytest.mark.parametrize(
    ("contigs", "message"),
    [({"big": 2**32}, "contig 'big' has 4,294,967,296 bases, and a bigWig holds"), ({"a": 0}, "no contig has a base")],
)
def test_contigs_that_no_bigwig_can_hold_are_refused(tmp_path, contigs, message):
    with pytest.raises(InputError, match=message):
        add(tmp_path / "x.bw", contigs)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("start", [-1, 5, 93])
def test_values_out_of_order_or_past_the_end_are_refused(tmp_path, start):
    with pytest.raises(ValueError, match="out of order or beyond its end"):
        add(tmp_path / "x.bw", {"a": 100}, (0, 10), (start, 10))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(bigwig_zooms.zlib, "compress", full)
    with pytest.raises(RunError, match=r"x.bw: cannot be written: No space left on device; check the space"):
        add(tmp_path / "x.bw", {"a": 10_000}, (0, 10_000))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("most", [0, 100, 4_000, 8_000, 40_000])
def test_a_file_that_cannot_grow_is_one_line_with_its_name_and_leaves_nothing(tmp_path, file_size, most):
    """What waits in a buffer is written when a file is closed, and refused there once more."""
    scores = np.random.default_rng(1).normal(size=60_000).astype(np.float32)
    with file_size(most), pytest.raises(RunError, match=r"x.bw: cannot be written: File too large; check the space"):
        write(tmp_path / "x.bw", {"a": len(scores)}, {"a": scores})
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_is_refused():
    with pytest.raises(RunError, match="is a pipe or a device, and a bigWig is not written from start to end"):
        add("/dev/null", {"a": 100})


def test_damage_is_one_line(tmp_path):
    scores = np.random.default_rng(1).normal(size=9_000).astype(np.float32)
    path = write(tmp_path / "x.bw", {"a": 9_000}, {"a": scores})
    whole = path.read_bytes()
    rng = np.random.default_rng(3)
    for _ in range(60):
        damaged = bytearray(whole)
        place = int(rng.integers(min(len(whole), 2_000)))
        damaged[place] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        with suppress(InputError):  # and nothing else
            list(BigWig(str(path)).values())
    path.write_bytes(whole[:-100])
    assert is_bigwig(str(path))
    with pytest.raises(InputError, match="is not a complete track of promscan"):
        BigWig(str(path))


def test_a_bigwig_of_another_program_is_no_track_of_promscan(tmp_path):
    with pyBigWig.open(str(tmp_path / "x.bw"), "w") as file:
        file.addHeader([("a", 1000)])
        file.addEntries("a", [10], values=[1.0], span=20)
    with pytest.raises(InputError, match="is not a complete track of promscan"):
        BigWig(str(tmp_path / "x.bw"))


def test_only_a_bigwig_is_taken_for_one(tmp_path):
    (tmp_path / "x.bed").write_text("chr1\t1\t2\n")
    assert not is_bigwig(str(tmp_path / "x.bed"))
    assert not is_bigwig(str(tmp_path / "none"))
    assert not is_bigwig("-")
    (tmp_path / "y").write_bytes(struct.pack("<I", bigwig.MAGIC))
    assert is_bigwig(str(tmp_path / "y"))
