"""Write weights with more bins of context, which say nothing yet: a training can begin where a narrower network ended.

The columns of the head that the new bins have are zero, so the scores stay what they were.

    python benchmarks/widen_context.py NARROW.safetensors --bins 100,200,300,600,1000 -o WIDE.safetensors
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import torch

import promscan
from promscan.checkpoint import load_model, save_model, source_commit
from promscan.model import BiGRUAttention


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights")
    parser.add_argument("--bins", required=True, help="where they end, commas between; the first are those there are")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    network, card = load_model(arguments.weights)
    narrow = network.architecture
    bins = tuple(int(word) for word in arguments.bins.split(","))
    if bins[: len(narrow.context_bins)] != narrow.context_bins:
        parser.error(f"--bins must begin with those of the network, {narrow.context_bins}")
    wide = BiGRUAttention(dataclasses.replace(narrow, context_bins=bins))
    tensors = network.state_dict()
    seen = tensors["head.0.weight"]
    own = seen.shape[1] - 2 * len(narrow.context_bins) * narrow.context
    new = torch.zeros(len(seen), (len(bins) - len(narrow.context_bins)) * narrow.context)
    tensors["head.0.weight"] = torch.cat([seen[:, :own], new, seen[:, own:], new], dim=1)
    wide.load_state_dict(tensors)
    card = dataclasses.replace(
        card,
        name=arguments.output.stem,
        training={"widened": {"sha256": card.sha256, "git_commit": card.git_commit, "training": card.training}},
        metrics={},
        promscan_version=promscan.__version__,
        git_commit=source_commit(),
    )
    print(save_model(arguments.output, wide, card).sha256)


if __name__ == "__main__":
    main()
