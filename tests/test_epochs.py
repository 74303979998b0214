from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from promscan.seq import dna
from promscan.train.data.batches import epoch_batches, epoch_order, flip_some, with_surroundings
from promscan.train.data.labelled_windows import read_windows


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
    table = tmp_path / "a.csv"
    table.write_text("sequence,label\n" + f"{'A' * 70},1\n{'T' * 70},0\n" * 20)
    data = read_windows(str(table))

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
