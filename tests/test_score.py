"""Single sequences: every way of giving them, in order, with the very logits of a scan."""

from __future__ import annotations

import csv
import gzip
import math

import pytest
from genomes import EVERY_WINDOW, TINY, a_few, contigs_of, demo_contigs, random_bases, scan
from hypothesis import given

import promscan
from promscan.inference.windowed import WindowedEngine

BASES = demo_contigs()["demo2"][3_500:3_800]
NAMED = {f"w{start}": BASES[start : start + 70] for start in (200, 0, 100, 7)}
COMMON = ("--model", TINY, "--device", "cpu", "--quiet")


def as_fasta(named):
    return "".join(f">{name} a description\n{bases}\n" for name, bases in named.items())


def as_table(named, delimiter):
    rows = [("other", "sequence", "name"), *((".", bases, name) for name, bases in named.items())]
    return "".join(f"{delimiter.join(row)}\n" for row in rows)


TEXTS = {
    "fasta": as_fasta(NAMED),
    "csv": as_table(NAMED, ","),
    "tsv": as_table(NAMED, "\t"),
    "crlf": as_table(NAMED, ",").replace("\n", "\r\n"),
    "byte order mark": "\ufeff" + as_table(NAMED, ","),
}


@pytest.fixture
def score(promscan_cli, tmp_path):
    """Run `promscan score` on a text; the outcome, and the rows of the table without its first line."""

    def run(text: str, *options, pack=False):
        source, target = tmp_path / "sequences", tmp_path / "out" / "scores.tsv"
        source.write_bytes(gzip.compress(text.encode()) if pack else text.encode())
        target.parent.mkdir(exist_ok=True)
        outcome = promscan_cli("score", source, "-o", target, *COMMON, *options)
        lines = target.read_text().splitlines() if target.exists() else []
        return outcome, [line.split("\t") for line in lines]

    return run


def logits_by_scan(bases):
    """Logit of the window at each start of the + strand."""
    return {hit.start: hit.logit for hit in scan({"x": bases}, strand="+", **EVERY_WINDOW)}


@pytest.mark.parametrize("pack", [False, True])
@pytest.mark.parametrize("kind", TEXTS)
def test_every_kind_of_file_gives_the_same_table_in_its_order(score, kind, pack):
    outcome, (header, *rows) = score(TEXTS[kind], pack=pack)
    assert (outcome.status, outcome.out, outcome.err) == (0, "", "")
    columns = ["name"] if kind == "fasta" else ["other", "sequence", "name"]
    assert header == [*columns, "logit", "probability"]
    logits = logits_by_scan(BASES)
    for row, (name, bases) in zip(rows, NAMED.items(), strict=True):
        logit = logits[int(name[1:])]
        given = [name] if kind == "fasta" else [".", bases, name]
        assert row == [*given, f"{logit:.4f}", f"{1 / (1 + math.exp(-logit)):.4f}"]


def test_standard_output_is_the_default(score, promscan_cli, tmp_path):
    _, rows = score(TEXTS["csv"])
    outcome = promscan_cli("score", tmp_path / "sequences", *COMMON)
    assert [line.split("\t") for line in outcome.out.splitlines()] == rows


def test_a_failure_leaves_nothing_on_standard_output(promscan_cli, tmp_path):
    (tmp_path / "sequences").write_text(as_fasta({"bad": "A" * 69}))
    outcome = promscan_cli("score", tmp_path / "sequences", *COMMON)
    assert (outcome.status, outcome.out) == (1, "")


def test_rows_without_a_name_are_numbered(score):
    _, rows = score("sequence\n" + "".join(f"{bases}\n" for bases in NAMED.values()))
    assert [row[0] for row in rows[1:]] == ["1", "2", "3", "4"]


@pytest.mark.parametrize(("unknown", "graded"), [(7, True), (8, False)])
def test_too_many_unknown_bases_have_no_grade(score, unknown, graded):
    bases = "N" * unknown + BASES[:70][unknown:]
    _, rows = score(as_fasta({"unclear": bases, "clear": BASES[:70]}))
    assert (rows[1][1:] != [".", "."]) == graded
    assert "." not in rows[2]


@pytest.mark.parametrize("batch_size", [1, 256, 1000])
def test_more_sequences_than_a_batch(monkeypatch, score, batch_size):
    monkeypatch.setattr(WindowedEngine, "batch_windows", 100)
    windows = {str(number): random_bases(70, seed=number) for number in range(205)}
    _, rows = score(as_fasta(windows), "--batch-size", batch_size)
    assert [row[0] for row in rows[1:]] == list(windows)
    alone = scan({name: windows[name] for name in ("0", "99", "100", "204")}, strand="+", **EVERY_WINDOW)
    assert [rows[1 + int(hit.chrom)][1] for hit in alone] == [f"{hit.logit:.4f}" for hit in alone]


@a_few
@given(bases=contigs_of(min_length=70))
def test_logits_are_the_bits_of_a_scan(tmp_path, bases):
    windows = {str(start): bases[start : start + 70] for start in range(len(bases) - 69)}
    path = tmp_path / "windows.fa"
    path.write_text(as_fasta(windows))
    scores = promscan.score(path, model=TINY, device="cpu")
    assert {int(name): logit for name, logit, _ in scores if logit is not None} == logits_by_scan(bases)


def test_lower_case_and_rna_are_read_alike(score):
    window = BASES[:70]
    same = {"upper": window.upper(), "lower": window.lower(), "rna": window.replace("T", "U")}
    _, rows = score(as_fasta(same))
    assert len({tuple(row[1:]) for row in rows[1:]}) == 1


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            as_fasta({"good": "A" * 70, "bad": "A" * 69}),
            "sequence bad: the sequence has 69 bp; windows have exactly 70",
        ),
        (
            as_fasta({"good": "A" * 70, "bad": "A" * 71}),
            "sequence bad: the sequence has 71 bp; windows have exactly 70",
        ),
        (as_fasta({"good": "A" * 70, "bad": "A" * 500}), "sequence bad: the sequence has 500 bp; windows have exactly"),
        (as_fasta({"good": "A" * 70, "bad": ""}), "sequence bad: the sequence has 0 bp; windows have exactly 70"),
        (as_table({"good": "A" * 70, "bad": "A" * 71}, ","), "line 3: the sequence has 71 bp; windows have exactly 70"),
        (as_table({"bad": "A" * 69 + "E"}, ","), "line 2: 'E' at index 69 is not a nucleotide letter"),
        (as_fasta({"bad": "A" * 69 + "E"}), "line 2: 'E' in contig 'bad' is not a nucleotide letter"),
        (
            "name,seq\nx,ACGT\n",
            "line 1: neither FASTA nor a table with the column 'sequence'; name it in the first line",
        ),
        ("", "line 1: there is nothing in it; give FASTA, or a table with the column 'sequence'"),
    ],
)
def test_a_sequence_that_does_not_fit_is_named(score, tmp_path, text, complaint):
    outcome, rows = score(text)
    assert outcome.status == 1
    assert outcome.err.startswith(f"promscan: error: {tmp_path / 'sequences'}")
    assert complaint in outcome.err
    assert outcome.err.count("\n") == 1
    assert rows == []
    assert list((tmp_path / "out").iterdir()) == []


# -------------------------------------------------------------------------------------------------- tables in and out

STRENGTH = TINY.with_name("tiny-strength.safetensors")


def test_all_columns_of_a_table_stand_before_the_scores(score):
    window = BASES[:70]
    _, rows = score(f"id,sequence,note\n7,{window},\n8,{window.lower()}, a b \n")
    logit, probability = rows[1][-2:]
    assert rows == [
        ["name", "id", "sequence", "note", "logit", "probability"],
        ["1", "7", window, "", logit, probability],
        ["2", "8", window.lower(), " a b ", logit, probability],
    ]


@pytest.mark.parametrize("character", ["\t", "\n", "\x00", "\x1b", "\x85", "\u2028", '"'])
def test_the_output_stays_a_table_with_every_content_of_its_cells(score, tmp_path, character):
    quoted = f"{character}b {character}".replace('"', '""')
    outcome, rows = score(
        f'name,sequence,"note {character.replace(chr(34), "")}"\n"a{quoted}",{BASES[:70]},"{quoted}"\n'
    )
    assert outcome.status == 0
    assert [len(row) for row in rows] == [5, 5]
    with open(tmp_path / "out" / "scores.tsv", encoding="utf-8", newline="") as file:
        table = list(csv.reader(file, delimiter="\t"))
    assert table == rows
    assert table[1][0].startswith("a")


def test_a_table_that_was_scored_is_scored_again_only_by_another_model(score, promscan_cli, tmp_path):
    score(TEXTS["tsv"])
    once, twice = tmp_path / "out" / "scores.tsv", tmp_path / "twice.tsv"
    outcome = promscan_cli("score", once, "-o", twice, *COMMON)
    assert outcome.err == f"promscan: error: {once}, line 1: there is a column 'logit' already; rename or remove it\n"
    assert promscan_cli("score", once, "-o", twice, "--model", STRENGTH, "--quiet").status == 0
    header, *rows = (line.split("\t") for line in twice.read_text().splitlines())
    assert header == ["other", "sequence", "name", "logit", "probability", "strength", "strength_sd"]
    assert [row[:5] for row in rows] == [line.split("\t") for line in once.read_text().splitlines()[1:]]


def test_a_table_with_two_columns_of_sequences_is_refused(score):
    outcome, rows = score(f"sequence,sequence\n{BASES[:70]},{BASES[:70]}\n")
    assert "line 1: two columns are called 'sequence'; rename or remove one" in outcome.err
    assert (outcome.status, rows) == (1, [])


@pytest.mark.parametrize(("length", "fits"), [(0, True), (80, True), (800, True), (801, False), (100_000, False)])
@pytest.mark.parametrize("kind", ["fasta", "table"])
def test_a_contig_is_no_insert(score, length, fits, kind):
    bases = random_bases(length, seed=3)
    text = f">one\nACGT\n>long\n{bases}\n" if kind == "fasta" else f"name,sequence\none,ACGT\nlong,{bases}\n"
    outcome, rows = score(text, "--model", STRENGTH)
    if fits:
        assert (outcome.status, outcome.err, len(rows)) == (0, "", 3)
        return
    place = "sequences: sequence long" if kind == "fasta" else "sequences, line 3"
    assert outcome.err.endswith(
        f"{place}: the sequence has {length:,} bp, and tiny-strength predicts the strength of inserts of 80 bp; "
        "cut the insert out (of up to 800 bp, the last 80 are read)\n"
    )
    assert (outcome.status, rows) == (1, [])
