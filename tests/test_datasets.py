import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promscan import dna
from promscan.datasets import (
    epoch_batches,
    epoch_order,
    flip_some,
    read_unlabelled,
    read_windows,
    with_surroundings,
)
from promscan.datasets import read_windows_to_score as to_score
from promscan.errors import InputError

A, T = "A" * 70, "T" * 70


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_csv_tsv_gzip_and_fasta_pairs_say_the_same(tmp_path: Path) -> None:
    table = f"sequence,label\n{A},1\n{T},0\n"
    sources = [
        write(tmp_path / "a.csv", table),
        write(tmp_path / "a.tsv", f"label\tsequence\n1\t{A}\n0\t{T.lower()}\n"),
        write(tmp_path / "crlf.csv", table.replace("\n", "\r\n")),
        write(tmp_path / "p.fa", f">one\n{A[:40]}\n{A[40:]}\n") + "," + write(tmp_path / "n.fa", f">two\n{T}"),
    ]
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress(table.encode()))
    for source in [*sources, str(packed)]:
        data = read_windows(source)
        assert [dna.decode(row) for row in data.codes] == [A, T]
        assert data.labels.tolist() == [1, 0]


def test_a_label_may_be_the_probability_that_a_teacher_gives(tmp_path: Path) -> None:
    data = read_windows(write(tmp_path / "a.csv", f"sequence,label\n{A},0.75\n{T},0.25\n{T},0\n"))
    assert data.labels.tolist() == [0.75, 0.25, 0]
    assert data.promoters.tolist() == [True, False, False]
    assert data.describe()["positives"] == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1.*sequence"),
        ("sequence\n", "line 1.*label"),
        (f"sequence,label\n{A},1\n", "both labels"),
        (f"sequence,label\n{A},1\n{A},2\n", "line 3: label '2'"),
        (f"sequence,label\n{A},1\n{A[:-1]},0\n", "line 3: the sequence has 69 bp"),
        (f"sequence,label\n{A},1\n{A[:-1]}E,0\n", "line 3: 'E' at index 69"),
        (f"sequence,label\n{A},1\n{A}\n", "line 3: label ''"),
        (f"sequence,label\n{A},1\n{A},nan\n", "line 3: label 'nan'"),
        (f"sequence,label\n{A},0.2\n{T},0.4\n", "both labels"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    source = write(tmp_path / "bad.csv", text)
    with pytest.raises(InputError, match=message) as caught:
        read_windows(source)
    assert source in str(caught.value)


def test_truncated_gzip_and_missing_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"sequence,label\n" + f"{A},1\n".encode() * 50)[:-20])
    with pytest.raises(InputError, match="damaged"):
        read_windows(str(path))
    with pytest.raises(InputError, match="cannot be read"):
        read_windows(str(tmp_path / "none.csv"))


def test_rows_to_score_keep_names_and_order(tmp_path: Path) -> None:
    named = write(tmp_path / "a.tsv", f"name\tsequence\nx\t{A}\ny\t{T}\n")
    plain = write(tmp_path / "b.csv", f"sequence\n{A}\n{T}\n")
    fasta = write(tmp_path / "c.fa", f">x more words\n{A}\n>y\n{T}\n")
    assert [name for name, _ in to_score(named)] == ["x", "y"]
    assert [name for name, _ in to_score(plain)] == ["1", "2"]
    assert [(name, dna.decode(codes)) for name, codes in to_score(fasta)] == [("x", A), ("y", T)]


@pytest.mark.parametrize("length", [0, 69, 71, 200])
def test_a_fasta_record_of_another_length_is_named(tmp_path: Path, length: int) -> None:
    with pytest.raises(InputError, match="sequence x has"):
        list(to_score(write(tmp_path / "a.fa", f">x\n{'A' * length}\n")))


def test_unlabelled_sequences_must_be_long_and_known(tmp_path: Path) -> None:
    assert [len(c) for c in read_unlabelled(write(tmp_path / "a.fa", f">x\n{A}\n>y\n{A}{T}\n")).codes] == [70, 140]
    with pytest.raises(InputError, match="at least 70"):
        read_unlabelled(write(tmp_path / "b.csv", f"sequence\n{A[:60]}\n"))
    with pytest.raises(InputError, match="no sequences"):
        read_unlabelled(write(tmp_path / "d.csv", "sequence\n"))
    with pytest.raises(InputError, match="unknown bases"):
        read_unlabelled(write(tmp_path / "c.csv", f"sequence\n{A}N\n"))


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 5))
def test_balanced_epochs_hold_as_many_of_each(positives: int, negatives: int, seed: int) -> None:
    labels = np.array([True] * positives + [False] * negatives)
    order = epoch_order(labels, "balanced", np.random.default_rng(seed))
    assert len(order) == len(labels)
    assert abs(int(labels[order].sum()) * 2 - len(order)) <= 1
    rarer = min(positives, negatives)
    seen = set(order.tolist())
    assert len([row for row in seen if labels[row] == (positives <= negatives)]) == rarer


def test_a_shuffled_epoch_shows_every_row_once() -> None:
    labels = np.array([True, False, False, False, True])
    assert sorted(epoch_order(labels, "shuffled", np.random.default_rng(0)).tolist()) == list(range(5))


def test_half_of_the_windows_are_turned_around() -> None:
    codes = np.random.default_rng(0).integers(0, 4, (2000, 70), dtype=np.uint8)
    flipped = flip_some(codes, np.random.default_rng(1))
    same = (flipped == codes).all(axis=1)
    turned = (flipped == dna.reverse_complement(codes)).all(axis=1)
    assert (same | turned).all()
    assert 900 < same.sum() < 1100


def test_an_epoch_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    data = read_windows(write(tmp_path / "a.csv", "sequence,label\n" + f"{A},1\n{T},0\n" * 20))

    def epoch(seed: int) -> list[bytes]:
        batches = epoch_batches(data, sampler="balanced", flip=True, batch_size=7, rng=np.random.default_rng(seed))
        return [codes.tobytes() + labels.tobytes() for codes, labels in batches]

    assert epoch(3) == epoch(3)
    assert epoch(3) != epoch(4)
    assert len(epoch(3)) == 6


@given(longest=st.integers(0, 70), seed=st.integers(0, 1000), rows=st.integers(1, 9))
def test_windows_among_others_are_still_there(longest, seed, rows):
    codes = np.random.default_rng(seed).integers(0, 4, (rows, 70), dtype=np.uint8)
    among, begin = with_surroundings(codes, longest, np.random.default_rng(seed))
    before, after = begin, among.shape[1] - begin - 70
    assert max(before, after) <= longest
    assert np.array_equal(among[:, begin : begin + 70], codes)
    flanks = {(row[70 - before :].tobytes() if before else b"", row[:after].tobytes()) for row in codes}
    assert {row[:before].tobytes() for row in among} <= {left for left, _ in flanks}
    assert {row[70 + begin :].tobytes() for row in among} <= {right for _, right in flanks}


def test_one_batch_of_four_stands_among_others():
    codes = np.zeros((2, 70), dtype=np.uint8)
    rng = np.random.default_rng(1)
    widths = [with_surroundings(codes, 60, rng)[0].shape[1] for _ in range(1000)]
    assert 200 < sum(width > 70 for width in widths) < 300
    assert max(widths) > 170
