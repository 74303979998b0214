"""Bases as numbers: the alphabet and its complement.

`codes` are uint8 arrays in the order A, T, G, C, N = 0..4. Complementing is then `code ^ 1` for the four bases, and
every letter that is not one of them is an unknown base.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

ALPHABET = "ATGCN"
UNKNOWN = ALPHABET.index("N")
LETTERS = "ACGT"
"""The four bases in the order in which tables, motifs and logos have them."""
LETTER_CODES = [ALPHABET.index(letter) for letter in LETTERS]

INVALID = 255
WHITESPACE = b" \t\r\n\v\f"

IUPAC = {
    "A": "A", "C": "C", "G": "G", "T": "T", "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC",
    "B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": "ACGT",
}  # fmt: skip
"""The bases that each letter stands for."""
_AMBIGUOUS = "NRYSWKMBDHVX-."


def _encoding_table(*, skip_masked: bool) -> bytes:
    table = np.full(256, INVALID, dtype=np.uint8)
    for letters in (_AMBIGUOUS, _AMBIGUOUS.lower()):
        for letter in letters:
            table[ord(letter)] = UNKNOWN
    for letter, code in zip("ATGCU", (0, 1, 2, 3, 1), strict=True):
        table[ord(letter)] = code
        table[ord(letter.lower())] = UNKNOWN if skip_masked else code
    return table.tobytes()


ENCODE = _encoding_table(skip_masked=False)
"""Byte to code, for `bytes.translate`; letters that no nucleotide code uses become INVALID."""
ENCODE_SKIP_MASKED = _encoding_table(skip_masked=True)
"""The same with lower case (soft-masked repeats) read as unknown."""

_DECODE = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)


def encode(sequence: str | bytes, *, skip_masked: bool = False) -> Codes:
    """Sequence letters to codes.

    IUPAC ambiguity letters, X, `-` and `.` become unknown (4); U is read as T; case is ignored unless `skip_masked`.

    Raises:
        ValueError: a letter is no nucleotide code; the message names it and its 0-based index.
    """
    raw = sequence.encode("utf-8", "replace") if isinstance(sequence, str) else sequence
    codes = np.frombuffer(raw.translate(ENCODE_SKIP_MASKED if skip_masked else ENCODE), dtype=np.uint8)
    invalid = np.flatnonzero(codes == INVALID)
    if invalid.size:
        index = int(invalid[0])
        letter = raw[index : index + 1].decode("latin-1")
        raise ValueError(f"{letter!r} at index {index} is not a nucleotide letter")
    return codes


def decode(codes: Codes) -> str:
    """Codes (any shape, read flat) to upper-case letters."""
    return bytes(_DECODE[codes].reshape(-1)).decode("ascii")


def reverse_complement(codes: Codes) -> Codes:
    """The opposite strand, read 5' to 3', along the last axis."""
    return np.ascontiguousarray((codes ^ (codes != UNKNOWN))[..., ::-1])
