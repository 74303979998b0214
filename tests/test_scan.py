"""A scan finds what the definition says, and nothing but the sequence and the options decides what it finds."""

import threading
from unittest import mock

import numpy as np
import promscan
import pytest
import torch
from genomes import (
    EVERY_WINDOW, TINY, a_few, contigs_of, genomes, logits_of, promoter_of_the_demo, scan, scan_to_bed, write_fasta,
)  # fmt: skip
from hypothesis import given, settings
from hypothesis import strategies as st

from promscan.checkpoint import load_model
from promscan.dna import UNKNOWN, WINDOW, encode, reverse_complement
from promscan.intervals import read_bed
from promscan.predict.windowed import WindowedEngine

COMPLEMENT = str.maketrans("ACGTNRYKxacgtnrykX", "TGCANYRMxtgcanyrmX")

probabilities = st.sampled_from([0.02, 0.1, 0.3, 0.6])
distances = st.sampled_from([1, 2, 30, 100, 500])
calling = st.fixed_dictionaries({"threshold": probabilities, "min_distance": distances})


# The definition


def slow_logits(contigs, strands, stride, skip_masked):
    """Every window that may be scored, cut out by itself and run through the plain network."""
    windows = {}
    for chrom, bases in contigs.items():
        codes = encode(bases, skip_masked=skip_masked)
        for start in range(0, len(codes) - WINDOW + 1, stride):
            window = codes[start : start + WINDOW]
            if (window == UNKNOWN).sum() <= 7:
                turned = {"+": window, "-": reverse_complement(window)}
                windows |= {(chrom, start, strand): turned[strand] for strand in strands}
    if not windows:
        return {}
    with torch.inference_mode():
        logits = load_model(str(TINY))[0](torch.from_numpy(np.stack(list(windows.values()))))
    return dict(zip(windows, logits.tolist(), strict=True))


def slow_hits(logits, threshold, min_distance):
    """The windows of at least the threshold that no window of their strand nearby beats."""

    def beats(rival, window):
        (chrom, start, strand), (_, other, _) = rival, window
        near = rival[::2] == window[::2] and 0 < abs(start - other) < min_distance
        further_5_prime = start < other if strand == "+" else start > other
        return near and (logits[rival], further_5_prime) > (logits[window], False)

    passing = [window for window in logits if logits[window] >= np.log(threshold) - np.log1p(-threshold)]
    return {window: logits[window] for window in passing if not any(beats(rival, window) for rival in passing)}
