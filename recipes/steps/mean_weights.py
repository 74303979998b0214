"""Write the mean of the weights of several trainings, each of which began with the weights of another one.

Such weights are close together, and the network of their mean is about as good as the mean of their outputs, at the
cost of one (Wortsman et al. 2022, model soups). A head for places that some of the trainings lack is the mean of the
others' heads. The card says how each was trained; thresholds and calibration have to be measured again.

    python -m recipes.steps.mean_weights A.safetensors B.safetensors -o MEAN.safetensors
"""

from __future__ import annotations

import dataclasses

import torch

import promscan
from benchmarks.common import parser_of
from promscan.networks.weights import load_model, save_model, source_commit


def main() -> None:
    parser = parser_of(__doc__, "output")
    parser.add_argument("weights", nargs="+")
    arguments = parser.parse_args()
    networks, cards = zip(*map(load_model, arguments.weights), strict=True)
    mean = max(networks, key=lambda network: network.architecture.place)
    wanted = mean.architecture
    placeless = wanted if wanted.place_in_logit else dataclasses.replace(wanted, place=0)
    if any(network.architecture not in (wanted, placeless) for network in networks):
        parser.error("the networks differ in their sizes")
    tensors = [network.state_dict() for network in networks]
    mean.load_state_dict({name: _mean([each[name] for each in tensors if name in each]) for name in mean.state_dict()})
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


def _mean(tensors: list[torch.Tensor]) -> torch.Tensor:
    return torch.stack(tensors).mean(dim=0)


if __name__ == "__main__":
    main()
