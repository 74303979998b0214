"""Motifs in the MEME format: what is written is read again, and damaged files are one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from promscan.errors import InputError
from promscan.io.meme import Motif, read_motifs, write_motifs

HEAD = "MEME version 4\n\nALPHABET= ACGT\n\nstrands: + -\n\n"
ROW = "0.7 0.1 0.1 0.1\n"


def test_what_is_written_is_read_again(tmp_path: Path):
    motifs = [Motif("M1 TATA box", np.array([[0.1, 0.2, 0.3, 0.4], [1, 0, 0, 0]])), Motif("M2", np.full((5, 4), 0.25))]
    path = tmp_path / "motifs.meme"
    write_motifs(path, [(motif, 7) for motif in motifs], [0.3, 0.2, 0.2, 0.3])
    found = read_motifs(path)
    assert [motif.name for motif in found] == ["M1 TATA box", "M2"]
    for one, other in zip(found, motifs, strict=True):
        assert np.abs(one.matrix - other.matrix).max() < 1e-5
    assert "nsites= 7" in path.read_text()


def test_what_surrounds_the_matrices_is_passed_over(tmp_path: Path):
    path = tmp_path / "motifs.txt"
    path.write_text(
        f"*****\nMEME - Motif discovery tool\n{HEAD}MOTIF a first\nlog-odds matrix: alength= 4 w= 1\n1 2 3 4\n"
        f"letter-probability matrix: alength= 4 w= 2 nsites= 20 E= 0\n{ROW}\n{ROW}URL http://x\n\nMOTIF b\n"
        f"letter-probability matrix: w= 1\n{ROW}"
    )
    found = read_motifs(path)
    assert [(motif.name, len(motif.matrix)) for motif in found] == [("a first", 2), ("b", 1)]


@pytest.mark.parametrize(("text", "message"), [
    ("", "empty|no letter-probability"),
    (HEAD, "there is no letter-probability matrix in it"),
    (f"MOTIF a\nletter-probability matrix: w= 1\n{ROW}", "line 2: a motif without 'MEME version' before it"),
    (HEAD.replace("ACGT", "ACDEFGHIKLMNPQRSTVWY"), "line 3: the alphabet is not ACGT"),
    (f"{HEAD}MOTIF a\nletter-probability matrix: alength= 4\n{ROW}", "line 8: a motif needs its width"),
    (f"{HEAD}MOTIF a\nletter-probability matrix: w= 999999999999\n{ROW}", "line 8: a motif needs its width"),
    (f"{HEAD}MOTIF a\nletter-probability matrix: w= 2\n{ROW}", "the last motif has 1 of 2 positions"),
    (f"{HEAD}MOTIF a\nletter-probability matrix: w= 1\n0.7 0.1 0.1\n", "line 9: expected 4 probabilities"),
    (f"{HEAD}MOTIF a\nletter-probability matrix: w= 1\n0.7 0.1 0.1 nan\n", "line 9: expected 4 probabilities"),
    (f"{HEAD}MOTIF a\nletter-probability matrix: w= 1\n0.7 0.1 0.1 0.\uff11\n", "line 9: expected 4 probabilities"),
    (f"{HEAD}MOTIF a\nletter-probability matrix: w= \uff11\n{ROW}", "line 8: a motif needs its width"),
    (f"{HEAD}MOTIF a\nletter-probability matrix: w= 1\n0.7 0.1 0.1 0.9\n", "line 9: expected 4 probabilities"),
    (">seq\nACGT\n", "this is a FASTA file; give a MEME file"),
])  # fmt: skip
def test_a_file_that_cannot_be_used_is_one_line(tmp_path: Path, text: str, message: str):
    path = tmp_path / "motifs.meme"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_motifs(path)
