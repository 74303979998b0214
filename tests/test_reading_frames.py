"""Stop codons by reading frame around windows: as a loop over the sequence counts them, along lanes and in training."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from promscan.errors import InputError
from promscan.inference.lanes import LaneNetwork
from promscan.networks.architecture import Architecture
from promscan.networks.classifier import BiGRUAttention
from promscan.networks.reading_frames import reading_frames, values_of_frames
from promscan.seq import dna
from promscan.seq.windows import TSS_INDEX, WINDOW

EDGES = (40, 101, 300)
MARGIN = 300


def counted(sequence: str, tss: int, begin: int, end: int, stops: tuple[str, ...]) -> list[float]:
    """The two values of a bin, codon by codon."""
    whole = (end - begin) // 3 * 3
    begins = [range(tss + begin + frame, tss + begin + frame + whole, 3) for frame in range(3)]
    frames = [sum(sequence[at : at + 3] in stops for at in frame) for frame in begins]
    return [min(frames) / (min(frames) + 2), 20 * sum(frames) / (end - begin)]


def test_the_values_are_what_a_loop_over_codons_counts() -> None:
    codes = np.random.default_rng(1).choice(5, (2 * MARGIN + 200, 3), p=[0.3, 0.3, 0.19, 0.19, 0.02]).astype(np.uint8)
    values = reading_frames(torch.from_numpy(codes), EDGES, MARGIN)
    bins = [(-300, -101), (-101, -40), (-40, 40), (40, 101), (101, 300)]
    assert values.shape == (131, 20, 3) == (200 - WINDOW + 1, values_of_frames(EDGES), 3)
    for window, lane in ((0, 0), (77, 1), (130, 2)):
        sequence, tss = dna.decode(codes[:, lane]), MARGIN + window + TSS_INDEX
        expected = [
            value
            for stops in (("TAA", "TAG", "TGA"), ("TTA", "CTA", "TCA"))
            for begin, end in bins
            for value in counted(sequence, tss, begin, end, stops)
        ]
        assert np.allclose(values[window, :, lane].numpy(), expected, atol=1e-6)


def test_a_gene_shows_on_its_strand_and_only_behind_its_start() -> None:
    rng = np.random.default_rng(2)
    sense = [a + b + c for a in "ATGC" for b in "ATGC" for c in "ATGC" if a + b + c not in ("TAA", "TAG", "TGA")]
    gene = "".join(rng.choice(sense, 200))
    codes = dna.encode("".join(rng.choice(list("AATTGC"), 600)) + gene + "A" * 9)
    same, other = (
        reading_frames(torch.from_numpy(read.copy()).unsqueeze(1), (40, 240), 300)[:, ::2, 0].unflatten(1, (2, 3))
        for read in (codes, dna.reverse_complement(codes))
    )
    window = 300 - TSS_INDEX  # its TSS is the first base of the gene
    assert same[window, 0, 2] == 0 < same[window, 0, 0]
    window = len(codes) - 1 - 600 - 300 - TSS_INDEX  # the same base, read from the other strand
    assert other[window, 1, 0] == 0 < other[window, 1, 2]


def test_a_network_with_reading_frames_scans_as_it_is_trained() -> None:
    torch.manual_seed(3)
    sizes = Architecture(hidden=8, convolutions=1, composition=(100,), frames=(40, 300), half_life=16, dropout=0.0)
    model = BiGRUAttention(sizes).eval()
    codes = torch.from_numpy(np.random.default_rng(3).integers(0, 4, (2 * 350 + 210, 5), dtype=np.uint8))
    with torch.inference_mode():
        trained = model.along(codes.T, 350, 350).T
        scanned = LaneNetwork(model, torch.device("cpu")).logits(codes, 350, 350)
        without = BiGRUAttention(Architecture(hidden=8, convolutions=1, composition=(100,), half_life=16))
    assert (trained[: len(scanned)] - scanned).abs().max() < 1e-4
    assert model.head[0].in_features == without.head[0].in_features + values_of_frames((40, 300))


def test_the_reach_of_a_network_covers_its_frames() -> None:
    assert Architecture(frames=(40, 480)).reach == 480


@pytest.mark.parametrize("frames", [(0,), (40, 40), (240, 40), (10**9,)])
def test_bins_that_do_not_ascend_are_refused(frames: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="frames"):
        Architecture(frames=frames)
