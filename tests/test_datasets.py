import gzip
from pathlib import Path

import pytest

from promscan.errors import InputError
from promscan.io.sequences import read_single_windows
from promscan.seq import dna
from promscan.train.data.labelled_windows import read_windows
from promscan.train.data.unlabelled import read_unlabelled

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
        (f">fasta\n{A}\n", "line 1: not a table with the column 'sequence'; name it in the first line"),
        ("", "line 1.*sequence"),
        ("", "there is nothing in it; give a table with the column 'sequence'"),
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
    with pytest.raises(InputError, match=f"^{path}: the compressed data ends too early; copy or download it again$"):
        read_windows(str(path))
    with pytest.raises(InputError, match=r"none.csv: No such file or directory; give a table \(CSV or TSV\) that can"):
        read_windows(str(tmp_path / "none.csv"))


def test_rows_to_score_keep_names_and_order(tmp_path: Path) -> None:
    named = write(tmp_path / "a.tsv", f"name\tsequence\nx\t{A}\ny\t{T}\n")
    plain = write(tmp_path / "b.csv", f"sequence\n{A}\n{T}\n")
    fasta = write(tmp_path / "c.fa", f">x more words\n{A}\n>y\n{T}\n")
    assert [name for name, *_ in read_single_windows(named)] == ["x", "y"]
    assert [name for name, *_ in read_single_windows(plain)] == ["1", "2"]
    assert [(name, dna.decode(codes)) for name, codes, *_ in read_single_windows(fasta)] == [("x", A), ("y", T)]


@pytest.mark.parametrize("length", [0, 69, 71, 200])
def test_a_fasta_record_of_another_length_is_named(tmp_path: Path, length: int) -> None:
    with pytest.raises(InputError, match=f"sequence x: the sequence has {length} bp"):
        list(read_single_windows(write(tmp_path / "a.fa", f">x\n{'A' * length}\n")))


def test_unlabelled_sequences_must_be_long_and_known(tmp_path: Path) -> None:
    assert [len(c) for c in read_unlabelled(write(tmp_path / "a.fa", f">x\n{A}\n>y\n{A}{T}\n")).codes] == [70, 140]
    with pytest.raises(InputError, match="at least 70"):
        read_unlabelled(write(tmp_path / "b.csv", f"sequence\n{A[:60]}\n"))
    with pytest.raises(InputError, match="no sequences"):
        read_unlabelled(write(tmp_path / "d.csv", "sequence\n"))
    with pytest.raises(InputError, match="unknown bases"):
        read_unlabelled(write(tmp_path / "c.csv", f"sequence\n{A}N\n"))
