"""Write the mean of the weights of several trainings, each of which began where another one had been.

Such weights lie close together, and their mean says about what the networks say together, at the cost of one (Wortsman
et al. 2022, model soups). The card tells how each was trained; thresholds and calibration have to be measured anew.

    python benchmarks/mean_weights.py A.safetensors B.safetensors -o MEAN.safetensors
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import torch

import promscan
from promscan.networks.weights import load_model, save_model, source_commit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", nargs="+")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    networks, cards = zip(*map(load_model, arguments.weights), strict=True)
    mean = networks[0]
    if any(network.architecture != mean.architecture for network in networks):
        parser.error("the networks differ in their sizes")
    tensors = [network.state_dict() for network in networks]
    mean.load_state_dict({name: torch.stack([each[name] for each in tensors]).mean(dim=0) for name in tensors[0]})
    parents = [{"sha256": card.sha256, "git_commit": card.git_commit, "training": card.training} for card in cards]
    card = dataclasses.replace(
        cards[0],
        name=arguments.output.stem,
        training={"mean_of": parents},
        metrics={},
        default_threshold=None,
        threshold_basis="",
        promscan_version=promscan.__version__,
        git_commit=source_commit(),
    )
    print(save_model(arguments.output, mean, card).sha256)


if __name__ == "__main__":
    main()
